// @ts-check
// The slips under the tools: small questions that stand in the page instead of a dialog before it. One at a time; Return
// keeps, Escape leaves, and then one is back in the letter.

/**
 * @typedef {object} Asked
 * @property {string} slip  id of the slip
 * @property {string} [value]  what its field holds at first
 * @property {string} [name]  of the file it speaks of
 * @property {boolean} [quietly]  the question waits beside the writing, and does not take the caret
 * @property {string[]} [without]  acts that make no sense now
 */

/** @type {(() => void) | null} */
let leaveOpen = null;

/** @param {string} id @returns {HTMLElement | null} */
const byId = (id) => document.getElementById(id);

/**
 * @param {Asked} asked
 * @returns {Promise<{act: string, value: string, moved: boolean}>} `moved`: whether the caret was taken to the slip
 */
export function ask({ slip: id, value = "", name = "", quietly = false, without = [] }) {
  leaveOpen?.();
  const slip = byId(id);
  if (!slip) return Promise.resolve({ act: "leave", value, moved: false });
  const input = slip.querySelector("input");
  const said = slip.querySelector("[data-said]");
  if (said instanceof HTMLElement) said.textContent = (said.dataset.said ?? "").replace("{name}", name);
  if (input) input.value = value;
  for (const button of slip.querySelectorAll("button")) button.hidden = without.includes(button.dataset.act ?? "");
  slip.hidden = false;
  if (!quietly) {
    (input ?? slip.querySelector("button"))?.focus();
    input?.select();
  }
  return new Promise((resolve) => {
    /** @param {string} act */
    const done = (act) => {
      const moved = slip.contains(document.activeElement);
      slip.hidden = true;
      slip.removeEventListener("click", onClick);
      slip.removeEventListener("keydown", onKey);
      leaveOpen = null;
      resolve({ act, value: input?.value ?? "", moved });
      if (input) input.value = "";
    };
    /** @param {Event} event */
    const onClick = (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (button?.dataset.act) done(button.dataset.act);
    };
    /** @param {KeyboardEvent} event */
    const onKey = (event) => {
      if (event.isComposing) return;
      const keeps = event.key === "Enter" && event.target === input;
      if (!keeps && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      done(keeps ? "keep" : "leave");
    };
    slip.addEventListener("click", onClick);
    slip.addEventListener("keydown", onKey);
    // Another question comes: what was already written here is not lost by it.
    leaveOpen = () => done(input && input.value.trim() && input.value !== value ? "keep" : "leave");
  });
}

const LONG_ENOUGH = 6000; // ms that a sentence stands at least

let saidAt = 0;
let fading = 0;

/**
 * Say something in words; readers of screens hear it when they pause.
 * @param {string} sentence @param {boolean} [passing]  whether it goes by itself, having been good news
 */
export function say(sentence, passing = false) {
  const place = byId("editor-said");
  if (!place) return;
  clearTimeout(fading);
  saidAt = Date.now();
  place.textContent = sentence;
  if (passing) fading = window.setTimeout(() => { place.textContent = ""; }, LONG_ENOUGH);
}

/** Whoever writes on has read it. */
export function writesOn() {
  if (!saidAt || Date.now() - saidAt < LONG_ENOUGH) return;
  say("");
  saidAt = 0;
}

/** @param {string} key @param {string} [name] @returns {string} one of the sentences that the page brought */
export function sentence(key, name = "") {
  return (byId("editor-said")?.dataset[key] ?? "").replace("{name}", name);
}
