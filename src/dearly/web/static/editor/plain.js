// @ts-check
// The plain field as an editor: complete by itself, and what is there where the sheet's own files are not.

import { newLine, newParagraph } from "./formatting.js";

/** @typedef {import("./kinds.js").Editor} Editor */
/** @typedef {import("./kinds.js").Surface} Surface */
/** @typedef {import("./kinds.js").Change} Change */

/**
 * Put text in the way that the browser's own undoing knows of.
 * @param {HTMLTextAreaElement} field @param {Change} change
 */
function put(field, { from, to, insert, anchor, head }) {
  field.focus({ preventScroll: true });
  field.setSelectionRange(from, to);
  // The one way that keeps the browser's history; nothing standardised has taken its place.
  const done = insert || from !== to ? document.execCommand(insert ? "insertText" : "delete", false, insert) : true;
  if (!done) {
    field.setRangeText(insert, from, to, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
  }
  field.setSelectionRange(Math.min(anchor, head), Math.max(anchor, head));
}

/** @param {HTMLTextAreaElement} field @returns {{editor: Editor, surface: Surface}} */
export function plainEditor(field) {
  /** @type {Surface} */
  const surface = {
    selection: () => ({ from: field.selectionStart, to: field.selectionEnd }),
    length: () => field.value.length,
    line(at) {
      const from = at > 0 ? field.value.lastIndexOf("\n", at - 1) + 1 : 0;
      const end = field.value.indexOf("\n", at);
      const to = end === -1 ? field.value.length : end;
      return { from, to, text: field.value.slice(from, to) };
    },
    slice: (from, to) => field.value.slice(Math.max(0, from), to),
    change: (change) => put(field, change),
    // The field does not say how its text moved; the end of the selection is the best that is known.
    bookmark: () => () => field.selectionEnd,
    placeAt: () => null,
    focus: () => field.focus(),
  };
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.shiftKey) newLine(surface);
    else newParagraph(surface);
    showCaret(field);
  });
  let focus = false;
  /** @type {Editor} */
  const editor = {
    element: field,
    rich: false,
    text: () => field.value,
    length: () => field.value.length,
    caret: () => field.selectionEnd,
    history: () => null,
    set(text, caret) {
      const at = Math.min(caret ?? text.length, text.length);
      if (text !== field.value) put(field, { from: 0, to: field.value.length, insert: text, anchor: at, head: at });
      else field.setSelectionRange(at, at);
    },
    insert(markdown) {
      const { from, to } = surface.selection();
      const end = from + markdown.length;
      put(field, { from, to, insert: markdown, anchor: end, head: end });
    },
    onchange: (heard) => field.addEventListener("input", () => heard()),
    focusMode(on) {
      focus = on;
      document.body.classList.toggle("focus-mode", on);
    },
    inFocusMode: () => focus,
    focus: () => field.focus(),
  };
  return { editor, surface };
}

/** Browsers do not follow the caret when a script has put the line. @param {HTMLTextAreaElement} field */
function showCaret(field) {
  if (field.scrollHeight > field.clientHeight && field.selectionEnd === field.value.length) {
    field.scrollTop = field.scrollHeight;
  }
}
