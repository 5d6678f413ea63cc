// @ts-check
// The tools over the page: one stop for the Tab key, arrow keys among them, and each says whether it holds where the
// caret is (WAI-ARIA 1.2, toolbar). The same acts by key: Ctrl or Cmd with I, B, K.

import { addressHere, holding, link, toggle, toggleLines } from "./formatting.js";
import { ask } from "./slips.js";

/** @typedef {import("./kinds.js").Editor} Editor */
/** @typedef {import("./kinds.js").Surface} Surface */

const CALM = 120; // ms without a key after which the tools look at the text

/** @param {Editor} editor @param {Surface} surface */
export function layTools(editor, surface) {
  /** @type {Record<string, () => void>} */
  const acts = {
    emphasis: () => toggle(surface, "emphasis"),
    strong: () => toggle(surface, "strong"),
    heading: () => toggleLines(surface, "heading"),
    quote: () => toggleLines(surface, "quote"),
    list: () => toggleLines(surface, "list"),
    link: () => void askForAddress(surface),
    picture: () => document.getElementById("picture-file")?.click(),
  };
  /** @type {Record<string, string>} */
  const keys = { i: "emphasis", b: "strong", k: "link" };
  editor.element.addEventListener("keydown", (event) => {
    const act = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && acts[keys[event.key] ?? ""];
    if (!act || event.isComposing) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing && editor.inFocusMode()) focusMode(false);
  });

  const bar = document.getElementById("tools");
  /** @type {HTMLButtonElement | null} */
  const focusSwitch = document.querySelector('[data-switch="focus"]');
  /** @param {boolean} on */
  function focusMode(on) {
    editor.focusMode(on);
    focusSwitch?.setAttribute("aria-pressed", String(on));
  }
  focusSwitch?.addEventListener("click", () => {
    focusMode(!editor.inFocusMode());
    if (editor.inFocusMode()) editor.focus();
  });
  if (!bar) return;
  bar.hidden = false;
  const buttons = [...bar.querySelectorAll("button")];
  rove(bar, buttons);
  for (const button of buttons) {
    const act = acts[button.dataset.tool ?? ""];
    // The caret stays where it is while a tool is pressed with the mouse.
    button.addEventListener("mousedown", (event) => event.preventDefault());
    if (!act) continue;
    button.addEventListener("click", () => {
      act();
      if (button.dataset.tool !== "link" && button.dataset.tool !== "picture") surface.focus();
    });
  }
  watch(editor, () => {
    const now = holding(surface);
    for (const button of buttons) {
      const tool = button.dataset.tool;
      if (tool && button.hasAttribute("aria-pressed")) {
        const on = String(now.has(/** @type {any} */ (tool)));
        if (button.getAttribute("aria-pressed") !== on) button.setAttribute("aria-pressed", on);
      }
    }
  });
}

/** @param {Surface} surface */
async function askForAddress(surface) {
  const there = addressHere(surface);
  const before = surface.selection();
  const { act, value } = await ask({
    slip: "link-slip",
    value: there ?? "",
    without: there === null ? ["remove"] : [],
  });
  const now = surface.selection();
  if (act !== "leave" && now.from === before.from && now.to === before.to) link(surface, act === "keep" ? value : "");
  surface.focus();
}

/** After the keys have been quiet for a moment. @param {Editor} editor @param {() => void} look */
function watch(editor, look) {
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(look, CALM);
  };
  document.addEventListener("selectionchange", () => {
    if (document.activeElement === editor.element) soon();
  });
  editor.onchange(soon);
}

/** @param {HTMLElement} bar @param {HTMLButtonElement[]} buttons */
function rove(bar, buttons) {
  /** @param {HTMLButtonElement | undefined} chosen */
  const stop = (chosen) => {
    for (const button of buttons) button.tabIndex = button === chosen ? 0 : -1;
  };
  stop(buttons[0]);
  bar.addEventListener("focusin", (event) => {
    const button = buttons.find((one) => one === event.target);
    if (button) stop(button);
  });
  bar.addEventListener("keydown", (event) => {
    const here = buttons.findIndex((one) => one === document.activeElement);
    const forward = getComputedStyle(bar).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = forward === "ArrowRight" ? "ArrowLeft" : "ArrowRight";
    /** @type {Record<string, number>} */
    const to = { [forward]: here + 1, [back]: here - 1, Home: 0, End: buttons.length - 1 };
    const next = to[event.key];
    if (here < 0 || next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    buttons[(next + buttons.length) % buttons.length]?.focus();
  });
}
