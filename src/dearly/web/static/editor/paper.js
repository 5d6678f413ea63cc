// @ts-check
// What the source looks like on the sheet: words take the shape that they will have, and their marks step back but stay,
// to be read and changed like any letter. Only what is in view is looked at.

import { Language, defineLanguageFacet, syntaxTree } from "@codemirror/language";
import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import { parser } from "@lezer/markdown";
import { sentence } from "./slips.js";

/** @typedef {EditorView} View */
/** @typedef {import("@codemirror/view").ViewUpdate} Update */
/** @typedef {import("@codemirror/view").DecorationSet} Decorations */
/** @typedef {import("@codemirror/state").EditorState} State */
/** @typedef {import("@codemirror/state").Line} Line */
/** @typedef {import("@codemirror/state").Range<Decoration>} Placed */

/** CommonMark as letters have it: HTML is only its characters. */
export const commonmark = new Language(
  defineLanguageFacet(),
  parser.configure({ remove: ["HTMLBlock", "HTMLTag"] }),
  [],
  "commonmark",
);

/**
 * Turns focus on and off: all but the paragraph with the caret steps back.
 * @type {import("@codemirror/state").StateEffectType<boolean>}
 */
export const setFocus = StateEffect.define();

/** @type {StateField<boolean>} */
export const inFocus = StateField.define({
  create: () => false,
  update: (on, step) => step.effects.reduce((now, effect) => (effect.is(setFocus) ? effect.value : now), on),
});

const MARK = Decoration.mark({ class: "cm-mark" });

/** By the parser's names. @type {Map<string, Decoration>} */
const INLINE = new Map([
  ["Emphasis", Decoration.mark({ class: "cm-em" })],
  ["StrongEmphasis", Decoration.mark({ class: "cm-strong" })],
  ["InlineCode", Decoration.mark({ class: "cm-code" })],
  ["URL", Decoration.mark({ class: "cm-address" })],
  ["EmphasisMark", MARK],
  ["HeaderMark", MARK],
  ["QuoteMark", MARK],
  ["ListMark", MARK],
  ["LinkMark", MARK],
  ["CodeMark", MARK],
  ["CodeInfo", MARK],
]);
const WORDS_OF_LINK = Decoration.mark({ class: "cm-words-of-link" });

/** @type {Map<string, string>} */
const BLOCK = new Map([
  ["ATXHeading1", "cm-heading"],
  ["ATXHeading2", "cm-heading"],
  ["ATXHeading3", "cm-heading"],
  ["ATXHeading4", "cm-heading"],
  ["ATXHeading5", "cm-heading"],
  ["ATXHeading6", "cm-heading"],
  ["SetextHeading1", "cm-heading"],
  ["SetextHeading2", "cm-heading"],
  ["Blockquote", "cm-quote"],
  ["OrderedList", "cm-numbered"],
  ["ListItem", "cm-item"],
  ["FencedCode", "cm-code"],
  ["CodeBlock", "cm-code"],
  ["HorizontalRule", "cm-rule cm-mark"],
]);

/** @type {Map<string, Decoration>} */
const lines = new Map();

/** Each line finds its own direction. @param {string} shape */
function lineOf(shape) {
  let found = lines.get(shape);
  if (!found) {
    found = Decoration.line({ attributes: shape ? { dir: "auto", class: shape } : { dir: "auto" } });
    lines.set(shape, found);
  }
  return found;
}

/** Stands where a picture has no words yet. */
class Unsaid extends WidgetType {
  /** @override */
  eq() {
    return true;
  }

  /** @override */
  toDOM() {
    const place = document.createElement("span");
    place.className = "cm-unsaid";
    place.textContent = sentence("noWords");
    return place;
  }
}

/** Stands for the id of a picture, which says nothing to anybody. */
class Id extends WidgetType {
  /** @override */
  eq() {
    return true;
  }

  /** @override */
  toDOM() {
    const place = document.createElement("span");
    place.className = "cm-mark";
    place.textContent = "…";
    return place;
  }
}

const ID = Decoration.replace({ widget: new Id() });
const UNSAID = Decoration.widget({ widget: new Unsaid(), side: 1 });
const ALONE = /^\s*!\[[^\]]*\]\(cid:[^)\s]+\)\s*$/;

/** @param {State} state @returns {{from: number, to: number}} the lines of the paragraph with the caret */
function here(state) {
  const { doc } = state;
  const { head } = state.selection.main;
  const at = doc.lineAt(head);
  let first = at;
  let last = at;
  if (!at.text.trim()) return { from: at.from, to: at.to };
  for (let n = at.number - 1; n >= 1; n -= 1) {
    const line = doc.line(n);
    if (!line.text.trim()) break;
    first = line;
  }
  for (let n = at.number + 1; n <= doc.lines; n += 1) {
    const line = doc.line(n);
    if (!line.text.trim()) break;
    last = line;
  }
  return { from: first.from, to: last.to };
}

/** @param {View} view @returns {{shown: Decorations, whole: Decorations}} `whole`: what the caret passes in one step */
function drawn(view) {
  const { state } = view;
  const { doc } = state;
  /** @type {Placed[]} */
  const placed = [];
  /** @type {Placed[]} */
  const ids = [];
  /** @type {Map<number, string>} by the start of the line */
  const shapes = new Map();
  const tree = syntaxTree(state);
  const focus = state.field(inFocus) ? here(state) : null;
  for (const { from, to } of view.visibleRanges) {
    tree.iterate({
      from,
      to,
      enter(node) {
        const { name } = node;
        const shape = BLOCK.get(name);
        if (shape) {
          const end = Math.min(node.to, to);
          for (let at = Math.max(node.from, from); at <= end; ) {
            const line = doc.lineAt(at);
            shapes.set(line.from, `${shapes.get(line.from) ?? ""} ${shape}`);
            at = line.to + 1;
          }
        }
        const inline = INLINE.get(name);
        if (name === "URL" && node.matchContext(["Image"]) && doc.sliceString(node.from, node.from + 4) === "cid:") {
          ids.push(ID.range(node.from, node.to));
        } else if (inline && node.from < node.to) placed.push(inline.range(node.from, node.to));
        else if (name === "Link" || name === "Image") {
          const [open, close] = node.node.getChildren("LinkMark");
          if (!open || !close) return;
          if (name === "Link" && open.to < close.from) placed.push(WORDS_OF_LINK.range(open.to, close.from));
          if (name === "Image" && open.to === close.from) placed.push(UNSAID.range(open.to));
        }
      },
    });
    for (let at = from; at <= to; ) {
      const line = doc.lineAt(at);
      let shape = shapes.get(line.from) ?? "";
      if (!line.length) shape += " cm-blank";
      else if (line.text.includes("](cid:") && ALONE.test(line.text)) shape += " cm-caption";
      if (focus && line.from >= focus.from && line.to <= focus.to) shape += " here";
      placed.push(lineOf(shape.trim()).range(line.from));
      at = line.to + 1;
    }
  }
  return { shown: Decoration.set([...placed, ...ids], true), whole: Decoration.set(ids) };
}

class Paper {
  /** @param {View} view */
  constructor(view) {
    this.tree = syntaxTree(view.state);
    this.drawn = drawn(view);
  }

  /** @param {Update} update */
  update(update) {
    const tree = syntaxTree(update.state);
    const focus = update.state.field(inFocus);
    const turned = focus !== update.startState.field(inFocus);
    if (update.docChanged || update.viewportChanged || tree !== this.tree || turned || (focus && update.selectionSet)) {
      this.drawn = drawn(update.view);
    }
    this.tree = tree;
  }
}

export const paper = ViewPlugin.fromClass(Paper, {
  decorations: (plugin) => plugin.drawn.shown,
  provide: (plugin) => EditorView.atomicRanges.of((view) => view.plugin(plugin)?.drawn.whole ?? Decoration.none),
});
