// @ts-check
// What I already told them: passages of earlier letters that resemble the paragraph with the caret. Shown when they are
// asked for, and from then on at each pause in writing, until they are put aside.

import { send } from "./sending.js";

/** @typedef {{number: number, day: string, pieces: [string, boolean][]}} Passage */

const PAUSE = 2000; // ms without a key
const SHORT = 40; // characters of a paragraph

/** @param {string} path @param {import("../editor/kinds.js").Editor} editor */
export function layTold(path, editor) {
  const button = document.querySelector("[data-told]");
  const list = document.getElementById("told");
  const pattern = document.getElementById("told-passage");
  if (!(button instanceof HTMLElement) || !list || !(pattern instanceof HTMLTemplateElement)) return;
  let on = false;
  let timer = 0;
  let last = "";
  const look = async (wanted = false) => {
    const text = editor.text();
    let paragraph = paragraphAt(text, editor.caret());
    // Whoever asks before they have written on, at the salutation, means what they wrote last.
    if (wanted && paragraph.length < SHORT) paragraph = paragraphAt(text.trimEnd(), text.trimEnd().length);
    if (!on || (paragraph === last && !wanted)) return;
    last = paragraph;
    const { ok, answer } = paragraph ? await send(`${path}/told`, { paragraph }) : { ok: true, answer: { passages: [] } };
    if (!ok || !on || paragraph !== last) return;
    const passages = /** @type {Passage[]} */ (answer.passages);
    list.replaceChildren(...passages.map((one) => article(pattern, one)));
    if (!passages.length && wanted) list.textContent = list.dataset.none ?? "";
  };
  button.setAttribute("aria-pressed", "false");
  button.closest("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    on = !on;
    button.setAttribute("aria-pressed", String(on));
    if (on) void look(true);
    else list.replaceChildren();
  });
  editor.onchange(() => {
    clearTimeout(timer);
    if (on) timer = window.setTimeout(() => void look(), PAUSE);
  });
}

/** The paragraph that holds this place. @param {string} text @param {number} at */
export function paragraphAt(text, at) {
  const before = text.lastIndexOf("\n\n", at - 1);
  const after = text.indexOf("\n\n", at);
  return text.slice(before < 0 ? 0 : before, after < 0 ? text.length : after).trim().slice(0, 4000);
}

/** @param {HTMLTemplateElement} pattern @param {Passage} passage */
function article(pattern, passage) {
  const made = /** @type {HTMLElement} */ (pattern.content.firstElementChild?.cloneNode(true));
  const link = made.querySelector("a");
  if (link) {
    link.href = `/letter/${passage.number}`;
    link.textContent = passage.day;
  }
  for (const [piece, found] of passage.pieces) {
    const words = found ? document.createElement("mark") : document.createTextNode(piece);
    if (found) words.textContent = piece;
    made.querySelector("p")?.append(words);
  }
  return made;
}
