// @ts-check
// Pictures by paste, drop and button; whatever else is dropped may go along as an enclosure. What is pasted as a web page
// comes as its plain words alone, and nothing that it names is ever asked for.

import { asAlternative, picture } from "./formatting.js";
import { ask, say, sentence, writesOn } from "./slips.js";

/** @typedef {import("./kinds.js").Editor} Editor */
/** @typedef {import("./kinds.js").Surface} Surface */
/** @typedef {{ok: boolean, status: number, answer: any}} Answer */

const TOO_LARGE = 413;
const HEAVY = 6_000_000; // octets from which a smaller copy is offered before anything is sent

/** @param {Editor} editor @param {Surface} surface @param {HTMLTextAreaElement} field */
export function takePictures(editor, surface, field) {
  const page = field.dataset.page ?? /^\/page\/(\d+)/.exec(location.pathname)?.[1];
  if (!page) return;
  /** @type {Promise<void>} */
  let before = Promise.resolve();
  let changes = 0;
  editor.onchange(() => {
    changes += 1;
    writesOn();
  });
  /** @param {Iterable<File>} files @param {number} [place] */
  const take = (files, place) => {
    const kept = surface.bookmark(place ?? surface.selection().to);
    for (const file of files) {
      before = before.then(() => (file.type.startsWith("image/") ? layIn(file, kept) : enclose(file))).catch(() => {});
    }
  };

  /** @param {File} file @param {() => number} kept */
  async function layIn(file, kept) {
    if (file.size < HEAVY) return sendPicture(file, kept, false);
    const { act } = await ask({ slip: "large-slip", name: file.name });
    surface.focus();
    if (act !== "leave") await sendPicture(file, kept, act === "keep");
  }

  /** @param {File} file @param {() => number} kept @param {boolean} reduce @returns {Promise<void>} */
  async function sendPicture(file, kept, reduce) {
    const unchanged = changes;
    say(sentence("sending", file.name));
    const { ok, status, answer } = await send(`/page/${page}/picture${reduce ? "?reduce=1" : ""}`, file);
    if (ok && typeof answer.cid === "string") {
      const caret = surface.selection();
      const still = caret.from === caret.to && caret.from === kept();
      // Whoever writes on meanwhile keeps the caret.
      const busy = changes !== unchanged;
      picture(surface, answer.cid, "", still ? null : kept());
      say(sentence("laid"), true);
      void askForWords(answer.cid, busy);
    } else if (!reduce && isTooLarge(status, answer)) {
      say("");
      const { act } = await ask({ slip: "large-slip", name: file.name, without: ["whole"] });
      surface.focus();
      if (act === "keep") await sendPicture(file, kept, true);
    } else if (/^(not_a|bad)_picture$/.test(codeOf(answer))) {
      say("");
      await enclose(file);
    } else sayWhy(answer, file);
  }

  /** @param {string} cid @param {boolean} quietly */
  async function askForWords(cid, quietly) {
    const { act, value, moved } = await ask({ slip: "picture-slip", quietly });
    if (act === "keep" && value.trim()) name(surface, cid, value);
    if (moved || act === "keep") surface.focus();
  }

  /** @param {File} file */
  async function enclose(file) {
    const { act } = await ask({ slip: "enclose-slip", name: file.name });
    surface.focus();
    if (act !== "keep") return;
    say(sentence("enclosing", file.name));
    const { ok, answer } = await send(`/page/${page}/enclose`, file);
    if (!ok) return sayWhy(answer, file);
    say(sentence("enclosed", file.name), true);
    document.dispatchEvent(new CustomEvent("dearly:enclosed", { detail: answer }));
  }

  const chooser = document.getElementById("picture-file");
  if (chooser instanceof HTMLInputElement) {
    chooser.addEventListener("change", () => {
      take(chooser.files ?? []);
      chooser.value = "";
    });
  }
  editor.element.addEventListener("paste", (event) => {
    const data = event.clipboardData;
    // Programs that copy words often lay a picture of them beside; the words are what is meant.
    if (!data?.files.length || data.getData("text/plain").trim()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    take([...data.files]);
  }, { capture: true });
  // A file dropped anywhere on the page must not take the browser away from the letter.
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const files = event.dataTransfer?.files;
    if (!files?.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const place = surface.placeAt(event.clientX, event.clientY);
    take([...files], place ?? undefined);
  }, { capture: true });
}

/** Write words under a picture that is in the text. @param {Surface} surface @param {string} cid @param {string} words */
function name(surface, cid, words) {
  const text = surface.slice(0, surface.length());
  const at = text.indexOf(`![](cid:${cid})`);
  if (at === -1) return;
  const { to } = surface.selection();
  const insert = asAlternative(words);
  const caret = to >= at + 2 ? to + insert.length : to;
  surface.change({ from: at + 2, to: at + 2, insert, anchor: caret, head: caret });
}

/** @param {string} path @param {File} file @returns {Promise<Answer>} */
async function send(path, file) {
  try {
    const response = await fetch(path, {
      method: "POST",
      body: file,
      headers: {
        Accept: "application/json",
        "Content-Type": "application/octet-stream",
        "Dearly-Name": encodeURIComponent(file.name),
        "Dearly-Token": document.documentElement.dataset.token ?? "",
      },
    });
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { ok: response.ok, status: response.status, answer: isJson ? await response.json() : {} };
  } catch {
    return { ok: false, status: 0, answer: {} };
  }
}

/** @param {number} status @param {any} answer */
function isTooLarge(status, answer) {
  return status === TOO_LARGE || codeOf(answer) === "too_large";
}

/** @param {any} answer @returns {string} */
function codeOf(answer) {
  return String(answer?.error?.code ?? "");
}

/** @param {any} answer @param {File} file */
function sayWhy(answer, file) {
  const { message, hint } = answer?.error ?? {};
  say([message, hint].filter((part) => typeof part === "string").join(" ") || sentence("failed", file.name));
}
