// @ts-check
// What is marked within one paragraph: emphasis, strong words, links. A small reading of CommonMark 0.31, 6.2 to 6.4,
// for the state of the tools and for taking marks away again; what the sheet shows comes from a whole parser.

/** @typedef {import("./kinds.js").Span} Span */

const LINK = /\[((?:[^[\]\\]|\\.)*)\]\(\s*((?:[^()\s\\]|\\.|\([^()\s]*\))*)\s*\)/y;
const SPACE = /\s/;
const LETTER = /[\p{L}\p{N}]/u;

/**
 * @param {string} text
 * @returns {Span[]} inner ones before the ones around them
 */
export function spans(text) {
  /** @type {Span[]} */
  const found = [];
  /** @type {{mark: string, at: number, count: number}[]} */
  const waiting = [];
  for (let i = 0; i < text.length; ) {
    const mark = text[i] ?? "";
    if (mark === "\\") i += 2;
    else if (mark === "`") i = afterCode(text, i);
    else if (mark === "*" || mark === "_") i = run(text, i, mark, waiting, found);
    else if (mark === "[") {
      LINK.lastIndex = i;
      const link = LINK.exec(text);
      if (link && text[i - 1] !== "!") {
        const close = i + 1 + (link[1] ?? "").length;
        found.push({ kind: "link", from: i, open: i + 1, close, to: i + link[0].length });
      }
      i += 1;
    } else i += 1;
  }
  return found;
}

/** @param {string} text @param {number} at @returns {number} behind the code, or behind the ticks that begin none */
function afterCode(text, at) {
  const ticks = lengthOfRun(text, at, "`");
  for (let i = at + ticks; (i = text.indexOf("`", i)) !== -1; ) {
    const other = lengthOfRun(text, i, "`");
    i += other;
    if (other === ticks) return i;
  }
  return at + ticks;
}

/** @param {string} text @param {number} at @param {string} mark */
function lengthOfRun(text, at, mark) {
  let n = 1;
  while (text[at + n] === mark) n += 1;
  return n;
}

/**
 * @param {string} text @param {number} start @param {string} mark
 * @param {{mark: string, at: number, count: number}[]} waiting  runs that may still open something
 * @param {Span[]} found
 * @returns {number} behind the run
 */
function run(text, start, mark, waiting, found) {
  const count = lengthOfRun(text, start, mark);
  const before = text[start - 1] ?? " ";
  const after = text[start + count] ?? " ";
  const opens = !SPACE.test(after) && (mark === "*" || !LETTER.test(before));
  const closes = !SPACE.test(before) && (mark === "*" || !LETTER.test(after));
  let at = start;
  let left = count;
  while (closes && left > 0) {
    let i = waiting.length - 1;
    while (i >= 0 && waiting[i]?.mark !== mark) i -= 1;
    const opener = waiting[i];
    if (!opener) break;
    const taken = left >= 2 && opener.count >= 2 ? 2 : 1;
    const open = opener.at + opener.count;
    found.push({ kind: taken === 2 ? "strong" : "emphasis", from: open - taken, open, close: at, to: at + taken });
    opener.count -= taken;
    at += taken;
    left -= taken;
    waiting.length = opener.count ? i + 1 : i;
  }
  if (opens && left > 0) waiting.push({ mark, at, count: left });
  return start + count;
}
