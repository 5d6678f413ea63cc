// @ts-check
// The letter's own pictures, shown above the line that names them: `![what is to be seen](cid:ID)`. The line stays, as the
// words under the picture, and is changed by typing.

import { Facet, StateField } from "@codemirror/state";
import { Decoration, EditorView, WidgetType } from "@codemirror/view";
import { sentence } from "./slips.js";

/** @typedef {import("@codemirror/view").DecorationSet} Decorations */
/** @typedef {import("@codemirror/state").Range<Decoration>} Placed */
/** @typedef {{page: string, sizes: Record<string, [number, number] | undefined>}} Album */

const PICTURE = /!\[((?:[^[\]\\\n]|\\.)*)\]\(cid:([^)\s]+)\)/g;
const SMALL = 420; // pictures narrower than this keep their own width

/** Where the pictures come from, and how large they are where that is known. @type {Facet<Album, Album>} */
export const album = Facet.define({ combine: (given) => given[0] ?? { page: "", sizes: {} } });

class Figure extends WidgetType {
  /** @param {string} cid @param {string} words @param {Album} from */
  constructor(cid, words, from) {
    super();
    this.cid = cid;
    this.words = words;
    this.from = from;
  }

  /** @override @param {Figure} other */
  eq(other) {
    return other.cid === this.cid && other.words === this.words;
  }

  /** @override */
  get estimatedHeight() {
    const size = this.from.sizes[this.cid];
    return size ? Math.min(size[1], (560 * size[1]) / size[0]) : 360;
  }

  /** @override @param {EditorView} view */
  toDOM(view) {
    const figure = document.createElement("div");
    figure.className = "cm-picture";
    figure.dataset.cid = this.cid;
    const picture = document.createElement("img");
    picture.className = "picture";
    picture.alt = this.words || sentence("picture");
    const size = this.from.sizes[this.cid];
    if (size) [picture.width, picture.height] = size;
    picture.addEventListener("load", () => {
      picture.toggleAttribute("data-small", picture.naturalWidth < SMALL);
      view.requestMeasure();
    });
    picture.addEventListener("error", () => {
      const said = document.createElement("p");
      said.textContent = sentence("missing");
      picture.replaceWith(said);
      view.requestMeasure();
    });
    picture.src = `/page/${this.from.page}/picture/${encodeURIComponent(this.cid)}`;
    figure.append(picture);
    return figure;
  }

  /** @override @param {HTMLElement} dom */
  updateDOM(dom) {
    if (dom.dataset.cid !== this.cid) return false;
    const picture = dom.querySelector("img");
    if (picture) picture.alt = this.words || sentence("picture");
    return true;
  }

  /** @override */
  ignoreEvent() {
    return false;
  }
}

/** @param {import("@codemirror/state").EditorState} state @param {number} from @param {number} to @returns {Placed[]} */
function found(state, from, to) {
  const text = state.sliceDoc(from, to);
  if (!text.includes("](cid:")) return [];
  const shown = state.facet(album);
  return [...text.matchAll(PICTURE)].map((match) => {
    const line = state.doc.lineAt(from + match.index);
    const widget = new Figure(match[2] ?? "", (match[1] ?? "").replace(/\\(.)/g, "$1"), shown);
    return Decoration.widget({ widget, block: true, side: -1 }).range(line.from);
  });
}

/** @type {StateField<Decorations>} */
export const figures = StateField.define({
  create: (state) => Decoration.set(found(state, 0, state.doc.length), true),
  update(shown, step) {
    if (!step.docChanged) return shown;
    let now = shown.map(step.changes);
    const { doc } = step.state;
    step.changes.iterChangedRanges((_fromBefore, _toBefore, changedFrom, changedTo) => {
      const from = doc.lineAt(changedFrom).from;
      const to = doc.lineAt(changedTo).to;
      const add = found(step.state, from, to);
      let any = add.length > 0;
      now.between(from, to, () => {
        any = true;
        return false;
      });
      if (any) now = now.update({ filterFrom: from, filterTo: to, filter: () => false, add, sort: true });
    });
    return now;
  },
  provide: (field) => EditorView.decorations.from(field),
});
