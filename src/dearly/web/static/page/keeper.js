// @ts-check
// Keeps what is written: 600 ms after the last key, within two seconds at the latest, and at once when the page is left.
// One request at a time, the newest state wins. What fails is tried again, and said only then.

import { MOST_AT_THE_END, octets, send } from "./sending.js";

/** @typedef {import("../editor/kinds.js").Editor} Editor */

/**
 * What of the page is kept beside its text.
 * @typedef {{subject: string, place: string}} Small
 */

/**
 * @typedef {object} Hooks
 * @property {() => Small} small
 * @property {() => string[] | null} to  the readers; null where nobody changed them
 * @property {(answer: any) => void} kept
 * @property {(answer: any, network: boolean) => void} failed
 * @property {() => void} twice  another window wrote meanwhile; nothing was overwritten
 * @property {() => void} locked  the desk is locked, and takes nothing more
 */

const PAUSE = 600; // ms without a key
const LATEST = 1600; // ms after the first key that is not kept
const IDLE = 1500; // ms after which the caret and what can be undone are kept as well
const REST = 4000; // ms without a key after which the next one is sent at once
const AGAIN = [1000, 2000, 4000, 8000, 15_000, 30_000]; // ms before trying again
const BY_SPLICE = 20_000; // UTF-16 units from which on only what changed is sent

export class Keeper {
  /** @param {string} path @param {number} revision @param {Editor} editor @param {Hooks} hooks */
  constructor(path, revision, editor, hooks) {
    this.path = path;
    this.revision = revision;
    this.editor = editor;
    this.hooks = hooks;
    this.window = Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16).padStart(2, "0")).join("");
    this.turn = 0; // what this window sends is numbered: the newest wins, whichever comes first
    this.text = editor.text(); // as the desk has it
    this.small = JSON.stringify(hooks.small());
    this.caret = editor.caret();
    this.undo = true; // whether what can be undone is kept with this text
    this.changed = 0; // the time of the first change that was not sent; 0: none
    this.latest = 0; // the time of the last change
    this.timer = 0;
    this.idle = 0;
    this.failures = 0;
    this.whole = false; // whether the whole text must be sent
    this.over = false; // whether another text is to be taken the place of
    /** @type {number | null} */
    this.beside = null; // the version that this window's text is kept as, while another window has the page
    this.apart = false; // whether this window does not have the page
    this.locked = false;
    /** @type {Promise<boolean> | null} */
    this.running = null;
    editor.onchange(() => this.touched());
  }

  /** Something was changed. */
  touched() {
    const now = Date.now();
    // The first key after a while goes at once: it shows whether the page is still this window's, and the desk open.
    const first = !this.changed && now - this.latest > REST;
    this.undo = false;
    this.changed ||= now;
    this.latest = now;
    this.schedule(first ? 0 : Math.max(0, Math.min(PAUSE, this.changed + LATEST - now)));
  }

  /** @param {number} soon */
  schedule(soon) {
    clearTimeout(this.timer);
    clearTimeout(this.idle);
    if (this.locked) return;
    const wait = this.failures ? AGAIN[Math.min(this.failures, AGAIN.length) - 1] ?? soon : soon;
    this.timer = window.setTimeout(() => void this.keep(), wait);
  }

  /** Whether the desk has not got everything that stands here. */
  get unkept() {
    return this.changed !== 0 || this.running !== null;
  }

  /** Keep it now. @returns {Promise<boolean>} whether everything is kept */
  async keep() {
    while (this.running) await this.running;
    if (this.locked) return false;
    clearTimeout(this.timer);
    clearTimeout(this.idle);
    this.running = this.once();
    let done = false;
    try {
      done = await this.running;
    } finally {
      this.running = null;
    }
    if (this.changed) this.schedule(PAUSE);
    else if (!this.undo) this.idle = window.setTimeout(() => void this.rest(), IDLE);
    return done;
  }

  /** @returns {Promise<boolean>} */
  async once() {
    const begun = this.changed;
    const text = this.editor.text();
    const small = JSON.stringify(this.hooks.small());
    const caret = this.editor.caret();
    this.changed = 0;
    const { ok, status, answer } = this.apart
      ? await send(`${this.path}/keep-both`, this.aside(text))
      : await send(`${this.path}/save`, this.body(text, small, caret));
    if (answer.locked || status === 401) {
      this.stop();
      this.hooks.locked();
      return false;
    }
    if (ok) {
      this.failures = 0;
      if (this.apart) this.beside = answer.beside ?? this.beside;
      else {
        this.revision = answer.revision;
        this.over = this.whole = false;
        [this.text, this.small, this.caret] = [text, small, caret];
      }
      this.hooks.kept(answer);
      return true;
    }
    const code = status === 409 ? answer.error?.code : "";
    if (code === "other_text" && !this.whole) {
      this.whole = true;
      return this.once();
    }
    if (code === "changed_meanwhile" && answer.current) {
      this.revision = answer.current.revision;
      this.whole = true;
      if (answer.current.text === text) {
        this.text = text;
        return this.once(); // both say the same: nobody needs to decide
      }
      this.apart = true;
      this.beside = answer.beside ?? null;
      this.failures = 0;
      // Where only a part of the text was sent, the desk could not keep it by itself.
      const kept = this.beside !== null || (await this.once());
      this.hooks.twice();
      return kept;
    }
    this.changed = begun || this.changed || Date.now();
    this.failures += 1;
    this.hooks.failed(answer, status === 0);
    return false;
  }

  /** From here on this window has the page; what the other one wrote becomes an earlier state. */
  async writeHere() {
    while (this.running) await this.running;
    this.apart = false;
    this.beside = null;
    this.over = this.whole = true;
    return this.keep();
  }

  /** @param {string} text @param {string} small @param {number} caret @returns {Record<string, unknown>} */
  body(text, small, caret) {
    this.turn += 1;
    /** @type {Record<string, unknown>} */
    const body = { revision: this.revision, window: this.window, turn: this.turn, caret };
    if (this.whole || (text !== this.text && text.length < BY_SPLICE)) body.text = text;
    else if (text !== this.text) body.splice = splice(this.text, text);
    if (small !== this.small) Object.assign(body, JSON.parse(small));
    const to = this.hooks.to();
    if (to) body.to = to;
    if (this.over) body.over = true;
    return body;
  }

  /** @param {string} text */
  aside(text) {
    return { text, subject: this.hooks.small().subject, beside: this.beside };
  }

  /** While nobody types: where the caret is, and what can be undone. */
  async rest() {
    if (this.unkept || this.apart || this.locked) return;
    const history = this.editor.history();
    this.undo = true;
    if (history === null && this.editor.caret() === this.caret) return;
    const body = this.body(this.text, this.small, this.editor.caret());
    if (history !== null) body.history = history;
    const { status } = await send(`${this.path}/save`, body);
    if (status !== 200) this.undo = false;
  }

  /** The page is being left: the last words, by a request that outlives it where it is small enough. It goes beside
   * one that is under way: its number is higher. */
  last() {
    if (this.locked || this.left) return;
    const text = this.editor.text();
    if (this.apart) {
      const body = this.aside(text);
      if (this.changed) void send(`${this.path}/keep-both`, body, { keepalive: octets(text) < MOST_AT_THE_END });
      return;
    }
    const body = this.body(text, JSON.stringify(this.hooks.small()), this.editor.caret());
    body.leaving = true;
    const history = this.undo ? null : this.editor.history();
    const size = octets(JSON.stringify(body));
    if (history !== null && size + octets(JSON.stringify(history)) < MOST_AT_THE_END) body.history = history;
    this.left = true; // until something is changed again
    void send(`${this.path}/save`, body, { keepalive: size < MOST_AT_THE_END }).then(({ ok, answer }) => {
      // Whoever stays after all goes on from there.
      if (!ok) this.changed ||= Date.now();
      else if (typeof answer.revision === "number") this.revision = Math.max(this.revision, answer.revision);
      this.whole = true;
      this.left = false;
    });
  }

  left = false;

  stop() {
    clearTimeout(this.timer);
    clearTimeout(this.idle);
    this.locked = true;
  }

  /** The desk was locked: what stands here is kept with the session that it still knows. @returns {Promise<unknown>} */
  async lock() {
    const unkept = this.unkept && !this.locked;
    this.stop();
    if (!unkept) return undefined;
    const text = this.editor.text();
    if (this.apart) return send(`${this.path}/keep-both`, this.aside(text));
    return send(`${this.path}/save`, this.body(text, JSON.stringify(this.hooks.small()), this.editor.caret()));
  }
}

/** The one stretch in which two texts differ. @param {string} a @param {string} b */
export function splice(a, b) {
  const least = Math.min(a.length, b.length);
  let at = 0;
  while (at < least && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  let tail = 0;
  while (tail < least - at && a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)) tail += 1;
  // No character is cut in two: its halves go together (UTF-16 surrogates).
  if (at > 0 && isHigh(b.charCodeAt(at - 1))) at -= 1;
  if (tail > 0 && isLow(b.charCodeAt(b.length - tail))) tail -= 1;
  return { at, remove: a.length - at - tail, insert: b.slice(at, b.length - tail), length: b.length };
}

/** @param {number} unit */
const isHigh = (unit) => unit >= 0xd800 && unit < 0xdc00;
/** @param {number} unit */
const isLow = (unit) => unit >= 0xdc00 && unit < 0xe000;
