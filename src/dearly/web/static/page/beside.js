// @ts-check
// The earlier letters of this correspondence: beside the page where there is room, put aside where there is not; and
// looking in them for what was already told.

import { send } from "./sending.js";

/** @typedef {{number: number, who: string, day: string, before: string, found: string, after: string}} Earlier */

const PAUSE = 300; // ms without a key before it is looked for
const WIDE = "(min-width: 76rem)";

/** @param {string} path */
export function layBeside(path) {
  const sheet = document.getElementById("beside");
  const button = document.querySelector('[data-switch="beside"]');
  if (!(button instanceof HTMLElement) || !sheet) return;
  /** @param {boolean} on */
  const show = (on) => {
    sheet.hidden = !on;
    sheet.parentElement?.classList.toggle("with-beside", on);
    button.setAttribute("aria-expanded", String(on));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    show(sheet.hidden === true);
    if (!sheet.hidden) {
      sheet.scrollIntoView({ block: "nearest" });
      document.getElementById("q")?.focus({ preventScroll: true });
    }
  });
  show(matchMedia(WIDE).matches);
  look(path, sheet);
}

/** @param {string} path @param {HTMLElement} sheet */
function look(path, sheet) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById("q"));
  const list = /** @type {HTMLElement} */ (document.getElementById("earlier-letters"));
  const pattern = /** @type {HTMLTemplateElement} */ (document.getElementById("earlier-letter"));
  const first = [...list.childNodes];
  let timer = 0;
  let asked = 0;
  const go = async () => {
    const words = field.value.trim();
    const mine = (asked += 1);
    if (!words) {
      list.replaceChildren(...first);
      return;
    }
    const { ok, answer } = await send(`${path}/beside`, { q: words });
    if (!ok || mine !== asked) return;
    const letters = /** @type {Earlier[]} */ (answer.letters);
    list.replaceChildren(...letters.map((letter) => article(pattern, letter)));
    if (!letters.length) {
      const none = document.createElement("p");
      none.className = "small";
      none.textContent = list.dataset.none ?? "";
      list.append(none);
    }
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void go(), PAUSE);
  });
  sheet.querySelector("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    void go();
  });
}

/** @param {HTMLTemplateElement} pattern @param {Earlier} letter */
function article(pattern, letter) {
  const made = /** @type {HTMLElement} */ (pattern.content.firstElementChild?.cloneNode(true));
  const link = made.querySelector("a");
  if (link) {
    link.href = `/letter/${letter.number}`;
    link.textContent = `${letter.who}, ${letter.day}`;
  }
  const words = made.querySelector("p");
  if (words) {
    words.append(letter.before);
    if (letter.found) {
      const mark = document.createElement("mark");
      mark.textContent = letter.found;
      words.append(mark);
    }
    words.append(letter.after);
  }
  return made;
}
