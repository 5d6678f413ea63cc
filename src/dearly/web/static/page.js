// @ts-check
// The writing page: keeps what is written, says so in one calm word, and lays the earlier letters beside it. Without it
// the page is a form that keeps by a button.

import { makeEditor } from "./editor.js";
import { layBeside } from "./page/beside.js";
import { Keeper } from "./page/keeper.js";
import { Readers } from "./page/readers.js";
import { ask } from "./page/sending.js";
import { layTold } from "./page/told.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("page"));
const field = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
const place = /** @type {HTMLInputElement} */ (document.getElementById("place"));
const subject = /** @type {HTMLInputElement} */ (document.getElementById("subject"));
const revision = /** @type {HTMLInputElement} */ (form.elements.namedItem("revision"));
const caret = /** @type {HTMLInputElement} */ (form.elements.namedItem("caret"));
const unkept = /** @type {HTMLElement} */ (document.getElementById("word-unkept"));
const twice = /** @type {HTMLElement} */ (document.getElementById("word-twice"));
const path = `/page/${field.dataset.page}`;

// Whoever began to write before this ran goes on where they are.
const at = Number(caret.value);
if (field.value === field.defaultValue) field.setSelectionRange(at, at);
const editor = await makeEditor(field);

/** @type {Keeper} */
let keeper;
const readers = new Readers(path, () => keeper.touched());
keeper = new Keeper(path, Number(revision.value), editor, {
  small: () => ({ subject: subject.value, place: place.value }),
  to: () => readers.take(),
  kept,
  failed,
  twice: () => {
    unkept.hidden = true;
    const link = twice.querySelector("a");
    if (link && keeper.beside !== null) link.href = `${path}/version/${keeper.beside}?compare`;
    twice.hidden = false;
  },
  locked() {
    clear();
    location.replace(`/locked?to=${encodeURIComponent(location.pathname)}`);
  },
});

// What was written before this ran is not kept yet.
if (editor.text() !== field.defaultValue) {
  keeper.text = field.defaultValue;
  keeper.touched();
}

/** Nothing of the letter stays in the window. */
function clear() {
  field.value = "";
  document.querySelector("main")?.replaceChildren();
}

/** @param {any} answer */
function kept(answer) {
  unkept.hidden = true;
  revision.value = String(keeper.revision);
  if (keeper.apart) {
    const link = twice.querySelector("a");
    if (link && keeper.beside !== null) link.href = `${path}/version/${keeper.beside}?compare`;
    return;
  }
  twice.hidden = true;
  if (!answer.kept) return;
  for (const word of document.querySelectorAll("[data-kept-at]")) word.textContent = answer.kept;
  const words = document.querySelector("[data-words]");
  if (words instanceof HTMLElement) {
    words.textContent = answer.words === 1
      ? words.dataset.one ?? ""
      : (words.dataset.many ?? "").replace("{n}", answer.words.toLocaleString(document.documentElement.lang));
  }
  const today = document.querySelector("[data-today]");
  if (today) today.textContent = `, ${answer.today}`;
  void readers.kept(answer.said);
}

/** @param {any} answer @param {boolean} network */
function failed(answer, network) {
  const why = unkept.querySelector("[data-why]");
  if (why instanceof HTMLElement) {
    const { message = "", hint = "" } = answer.error ?? {};
    why.textContent = network || !message ? why.dataset.network ?? "" : `${message} ${hint}`.trim();
  }
  unkept.hidden = false;
}

for (const one of [place, subject]) {
  one.addEventListener("input", () => keeper.touched());
  one.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    void keeper.keep();
    if (one === place) editor.focus();
  });
}
place.addEventListener("input", () => {
  document.querySelector("[data-today]")?.classList.toggle("unsaid", !place.value.trim());
});

// What the form sends by its other buttons is kept by them; the button that only keeps is not needed any more.
for (const button of document.querySelectorAll("[data-save]")) if (button instanceof HTMLElement) button.hidden = true;
let sent = false;
form.addEventListener("submit", (event) => {
  const by = /** @type {SubmitEvent} */ (event).submitter;
  event.preventDefault();
  if (!by || by.hasAttribute("data-save")) void keeper.keep();
  else void goOn(by);
});

/** Keep, then let the form go: what it sends is of the revision that the desk has. @param {HTMLElement} by */
async function goOn(by) {
  while (keeper.unkept) if (!(await keeper.keep()) || keeper.apart) break;
  if (keeper.unkept && !keeper.apart) return; // the word says why, and the page stays
  if (keeper.apart) {
    twice.scrollIntoView({ block: "center" });
    return;
  }
  revision.value = String(keeper.revision);
  caret.value = String(editor.caret());
  readers.field.value = "";
  sent = true;
  // The form goes to where the button leads, as it would without this script.
  form.action = by.getAttribute("formaction") ?? form.action;
  form.submit();
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  void keeper.keep().then((done) => {
    const said = document.getElementById("editor-said");
    const word = document.querySelector("[data-kept]")?.textContent;
    if (done && said && word && !keeper.apart) said.textContent = word;
  });
});

// To the envelope. Heard before the editor, to which the same keys mean a new line.
addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.isComposing) return;
  const button = form.querySelector('button[formaction$="/to-envelope"]');
  if (!(button instanceof HTMLButtonElement) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.repeat) form.requestSubmit(button);
}, { capture: true });

unkept.querySelector('[data-act="again"]')?.addEventListener("click", () => {
  void keeper.keep().then((done) => { if (done) editor.focus(); });
});
unkept.querySelector('[data-act="copy"]')?.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  void navigator.clipboard.writeText(editor.text()).then(() => { button.textContent = button.dataset.copied ?? ""; });
});
twice.querySelector('[data-act="here"]')?.addEventListener("click", () => {
  void keeper.writeHere().then(() => editor.focus());
});

addEventListener("blur", () => { if (keeper.changed) void keeper.keep(); });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden" && keeper.changed) void keeper.keep(); });
addEventListener("pagehide", () => { if (!sent) keeper.last(); });
// A page that is loaded again is asked for before this one is hidden: what stands here must be on its way by then.
addEventListener("beforeunload", (event) => {
  if (sent || keeper.locked) return;
  if (keeper.failures && keeper.unkept) event.preventDefault();
  if (keeper.unkept || !keeper.undo || editor.caret() !== keeper.caret) keeper.last();
});
document.addEventListener("dearly:lock", (event) => {
  const { until } = /** @type {CustomEvent<{until: (kept: Promise<unknown>) => void}>} */ (event).detail;
  until(keeper.lock().then(clear));
});

layBeside(path);
layTold(path, editor);
const ribbon = document.querySelector(".ribbon ol");
if (ribbon) ribbon.scrollLeft = ribbon.scrollWidth;
if (!editor.rich && at > 0) field.setSelectionRange(at, at);
await settled();
editor.focus();

/** A page that was loaded again may have been asked for before the desk had what the old one sent as it went. Then it is
 * asked for once more: unless somebody writes already, who is told of both texts like any second window. */
async function settled() {
  const [how] = performance.getEntriesByType("navigation");
  if (!(how instanceof PerformanceNavigationTiming) || how.type !== "reload") return;
  const now = await ask(`${path}/saves`);
  if (!now || now.saves === Number(field.dataset.saves) || keeper.turn || keeper.unkept) return;
  sent = true;
  location.reload();
  await new Promise(() => {}); // this window is over
}
