// @ts-check
// The sheet: CodeMirror over the same CommonMark source. It stands in the place of the field, which stays hidden in its
// form and gets the text whenever the form is sent.

import { history, historyKeymap, insertNewline, standardKeymap } from "@codemirror/commands";
import { syntaxTree } from "@codemirror/language";
import { EditorView, keymap } from "@codemirror/view";
import { album, figures } from "./figures.js";
import { newLine, newParagraph } from "./formatting.js";
import { look } from "./look.js";
import { commonmark, inFocus, paper, setFocus } from "./paper.js";
import { historyOf, stateWith } from "./undo.js";

/** @typedef {import("./kinds.js").Editor} Editor */
/** @typedef {import("./kinds.js").Surface} Surface */
/** @typedef {{history?: unknown, caret?: number, pictures?: Record<string, [number, number]>}} Brought */

const ABOVE = 24; // px kept free over and under the line with the caret

/** @param {HTMLTextAreaElement} field @returns {{editor: Editor, surface: Surface}} */
export function sheetEditor(field) {
  const brought = read();
  const page = field.dataset.page ?? /^\/page\/(\d+)/.exec(location.pathname)?.[1] ?? "";
  /** @type {Set<() => void>} */
  const listeners = new Set();
  /** @type {Set<{at: number}>} */
  const bookmarks = new Set();
  // Its files may have been long on their way: what was written in the field meanwhile is taken along, caret and all.
  const begun = field.value !== field.defaultValue;
  const caret = Math.min((begun ? undefined : brought.caret) ?? field.selectionEnd, field.value.length);
  const surfaceOfView = () => surface;
  const state = stateWith(
    {
      doc: field.value,
      selection: { anchor: caret },
      extensions: [
        history({ minDepth: 500 }),
        keymap.of([
          {
            key: "Enter",
            run: (view) => inCode(view) ? insertNewline(view) : (newParagraph(surfaceOfView()), true),
            shift: () => (newLine(surfaceOfView()), true),
          },
          ...standardKeymap,
          ...historyKeymap,
        ]),
        EditorView.lineWrapping,
        EditorView.perLineTextDirection.of(true),
        EditorView.contentAttributes.of(manners(field)),
        EditorView.scrollMargins.of(headRoom()),
        album.of({ page, sizes: brought.pictures ?? {} }),
        commonmark,
        inFocus,
        figures,
        paper,
        look,
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          for (const mark of bookmarks) mark.at = update.changes.mapPos(mark.at, 1);
          for (const heard of listeners) heard();
        }),
      ],
    },
    brought.history,
  );
  const view = new EditorView({ state });
  field.before(view.dom);
  field.hidden = true;
  field.form?.addEventListener("formdata", (event) => {
    if (field.name) event.formData.set(field.name, text());
  });

  const text = () => view.state.doc.toString();
  /** @type {Surface} */
  const surface = {
    selection: () => view.state.selection.main,
    length: () => view.state.doc.length,
    line: (at) => view.state.doc.lineAt(at),
    slice: (from, to) => view.state.sliceDoc(Math.max(0, from), to),
    change({ from, to, insert, anchor, head }) {
      view.dispatch({
        changes: { from, to, insert },
        selection: { anchor, head },
        scrollIntoView: true,
        userEvent: "input",
      });
    },
    bookmark(at) {
      const mark = { at };
      bookmarks.add(mark);
      return () => Math.min(mark.at, view.state.doc.length);
    },
    placeAt: (x, y) => view.posAtCoords({ x, y }),
    focus: () => view.focus(),
  };
  /** @type {Editor} */
  const editor = {
    element: view.contentDOM,
    rich: true,
    text,
    length: () => view.state.doc.length,
    caret: () => view.state.selection.main.head,
    history: () => historyOf(view.state),
    set(given, at) {
      const next = given.replace(/\r\n?/g, "\n");
      const changes = difference(text(), next);
      const anchor = Math.min(at ?? view.state.selection.main.head, next.length);
      // Named, so that it is one step of its own to undo.
      view.dispatch({ changes, selection: { anchor }, scrollIntoView: at !== undefined, userEvent: "set" });
    },
    insert(markdown) {
      view.dispatch(view.state.replaceSelection(markdown), { scrollIntoView: true, userEvent: "input.paste" });
    },
    onchange: (heard) => void listeners.add(heard),
    focusMode(on) {
      document.body.classList.toggle("focus-mode", on);
      view.dispatch({ effects: setFocus.of(on) });
    },
    inFocusMode: () => view.state.field(inFocus),
    focus: () => view.focus(),
  };
  if (caret > 0) bringIntoView(view, caret);
  return { editor, surface };
}

/**
 * Come back to the same line. How tall the text above it is, is guessed at first and known when it was shown: so it may
 * take a few frames.
 * @param {EditorView} view @param {number} place @param {number} [frames]
 */
function bringIntoView(view, place, frames = 6) {
  requestAnimationFrame(() => {
    const at = view.coordsAtPos(Math.min(place, view.state.doc.length));
    if (frames === 0 || (at && at.top > 0 && at.bottom < window.innerHeight)) return;
    view.dispatch({ effects: EditorView.scrollIntoView(Math.min(place, view.state.doc.length), { y: "center" }) });
    bringIntoView(view, place, frames - 1);
  });
}

/** @returns {Brought} what the page has for the editor beside the text */
function read() {
  try {
    const brought = JSON.parse(document.getElementById("editor-data")?.textContent || "{}");
    return typeof brought === "object" && brought ? brought : {};
  } catch {
    return {};
  }
}

/** What the sheet says of itself, taken over from the field. @param {HTMLTextAreaElement} field @returns {Record<string, string>} */
function manners(field) {
  const label = field.getAttribute("aria-label") ?? field.labels?.[0]?.textContent?.trim() ?? "";
  return {
    "aria-label": label,
    autocapitalize: "sentences",
    autocorrect: "on",
    spellcheck: String(field.spellcheck),
    ...(field.lang ? { lang: field.lang } : {}),
  };
}

/** The head of the page stays over the sheet, and what hangs below it: the line with the caret is kept clear of both. */
function headRoom() {
  const head = document.querySelector(".writing-top");
  const slips = document.getElementById("slips");
  let top = ABOVE;
  const measured = new ResizeObserver(() => {
    const stays = head !== null && getComputedStyle(head).position === "sticky";
    top = ABOVE + (stays ? head.clientHeight + (slips?.offsetHeight ?? 0) : 0);
  });
  for (const part of [head, slips]) if (part) measured.observe(part);
  return () => ({ top, bottom: ABOVE });
}

/** Whether the caret is in a block of code, whose lines are only lines. @param {EditorView} view */
function inCode(view) {
  for (let node = syntaxTree(view.state).resolveInner(view.state.selection.main.head, -1); node.parent; node = node.parent) {
    if (node.name === "FencedCode") return true;
  }
  return false;
}

/** The one stretch in which two texts differ, so that undoing and the caret keep their places. @param {string} a @param {string} b */
function difference(a, b) {
  const least = Math.min(a.length, b.length);
  let from = 0;
  while (from < least && a.charCodeAt(from) === b.charCodeAt(from)) from += 1;
  let tail = 0;
  while (tail < least - from && a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)) tail += 1;
  return { from, to: a.length - tail, insert: b.slice(from, b.length - tail) };
}
