// @ts-check
// To whom the page goes: names put on and taken off without leaving the page. The way and the seal of each are asked for
// afterwards, so that nothing waits for them.

import { ask } from "./sending.js";

/** @typedef {{name: string, address: string, way: string, seal: string}} Reader */

export class Readers {
  /** @param {string} path @param {() => void} changed  called when somebody was put on or taken off */
  constructor(path, changed) {
    this.path = path;
    this.list = /** @type {HTMLUListElement} */ (document.getElementById("readers"));
    this.field = /** @type {HTMLInputElement} */ (document.getElementById("to-more"));
    this.nobody = /** @type {HTMLElement} */ (document.getElementById("nobody"));
    this.said = /** @type {HTMLElement} */ (document.getElementById("to-said"));
    this.row = /** @type {HTMLTemplateElement} */ (document.getElementById("reader-row"));
    this.asked = 0;
    /** @type {string[] | null} */
    this.pending = null;
    const put = () => {
      if (!this.field.value.trim()) return;
      this.pending = [...this.addresses(), this.field.value];
      changed();
    };
    this.field.addEventListener("change", put);
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      put();
    });
    document.querySelector("[data-add]")?.addEventListener("click", (event) => {
      event.preventDefault();
      put();
      this.field.focus();
    });
    // Once somebody is named and one goes on elsewhere, the form for names is not needed any more.
    const more = this.field.closest("details");
    more?.addEventListener("focusout", (event) => {
      const stays = event.relatedTarget instanceof Node && more.contains(event.relatedTarget);
      if (stays || this.field.value.trim() || !this.list.childElementCount || this.said.textContent) return;
      more.open = false;
      const summary = more.querySelector("summary");
      if (summary) summary.textContent = summary.dataset.more ?? summary.textContent;
    });
    this.list.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button[name=off]") : null;
      const item = button?.closest("li");
      if (!item) return;
      event.preventDefault();
      item.remove();
      this.show();
      this.pending = this.addresses();
      changed();
      this.field.focus();
    });
  }

  /** What is to be sent; null where nobody changed anything. */
  take() {
    return this.pending;
  }

  /** The desk has it. @param {{message: string, hint: string} | undefined} said  what could not be put on */
  async kept(said) {
    if (!this.pending) {
      return;
    }
    this.pending = null;
    this.said.textContent = said ? `${said.message} ${said.hint}`.trim() : "";
    if (!said) this.field.value = "";
    const mine = (this.asked += 1);
    const answer = await ask(`${this.path}/to`);
    if (!answer || mine !== this.asked || this.pending) return;
    this.list.replaceChildren(...answer.readers.map((/** @type {Reader} */ reader) => this.item(reader)));
    this.show();
  }

  addresses() {
    return [...this.list.querySelectorAll("input[name=to]")].map((field) => /** @type {HTMLInputElement} */ (field).value);
  }

  show() {
    const some = this.list.childElementCount > 0;
    this.list.hidden = !some;
    this.nobody.hidden = some;
  }

  /** @param {Reader} reader */
  item(reader) {
    const item = /** @type {HTMLElement} */ (this.row.content.firstElementChild?.cloneNode(true));
    const put = (/** @type {string} */ where, /** @type {string} */ text) => {
      const place = item.querySelector(where);
      if (place) place.textContent = text;
    };
    put(".who", reader.name);
    put("[data-name]", `${reader.name}: `);
    put(".way", [reader.way, reader.seal].filter(Boolean).join(". "));
    for (const field of item.querySelectorAll("input, button")) {
      if (field instanceof HTMLInputElement || field instanceof HTMLButtonElement) field.value = reader.address;
    }
    return item;
  }
}
