// @ts-check
// Undoing that outlives the window: the history as JSON, kept with the draft, taken up again only for the very text that
// it belongs to, and no larger than a draft should carry.

import { historyField } from "@codemirror/commands";
import { EditorState } from "@codemirror/state";

/** @typedef {import("@codemirror/state").EditorStateConfig} Config */
/** @typedef {{v: 1, length: number, sum: number, done: unknown[]}} Kept */

export const MOST = 512 * 1024; // UTF-16 units of JSON

/** A sum of the text, to tell whether it is the same (FNV-1a, 32 bit). @param {string} text @returns {number} */
function sumOf(text) {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return sum >>> 0;
}

/** @param {EditorState} state @returns {Kept | null} the newest steps, as many as fit */
export function historyOf(state) {
  /** @type {{doc: string, history: {done: unknown[]}}} */
  const { doc, history } = state.toJSON({ history: historyField });
  let room = MOST;
  let first = history.done.length;
  while (first > 0) {
    room -= JSON.stringify(history.done[first - 1]).length + 1;
    if (room < 0) break;
    first -= 1;
  }
  const done = history.done.slice(first);
  return done.length ? { v: 1, length: doc.length, sum: sumOf(doc), done } : null;
}

/**
 * @param {Config & {doc: string}} config @param {unknown} kept  what `historyOf` gave, from wherever
 * @returns {EditorState} with what can be undone, where `kept` is whole and belongs to this text
 */
export function stateWith(config, kept) {
  if (isKept(kept) && kept.length === config.doc.length && kept.sum === sumOf(config.doc)) {
    try {
      const { doc, selection, ...rest } = config;
      const at = /** @type {{anchor: number}} */ (selection)?.anchor ?? 0;
      return EditorState.fromJSON(
        {
          doc,
          selection: { ranges: [{ anchor: at, head: at }], main: 0 },
          history: { done: kept.done, undone: [] },
        },
        rest,
        { history: historyField },
      );
    } catch {
      // A history that cannot be read is no reason to lose the text.
    }
  }
  return EditorState.create(config);
}

/** @param {unknown} given @returns {given is Kept} */
function isKept(given) {
  const kept = /** @type {Partial<Kept> | null} */ (given);
  return typeof kept === "object" && kept?.v === 1 && Array.isArray(kept.done);
}
