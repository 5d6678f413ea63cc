// @ts-check
// The acts of formatting. They work on CommonMark source through a `Surface`, so that the plain field and the sheet do
// the same. Each is one change, and so one step of undoing.

import { spans } from "./spans.js";

/** @typedef {import("./kinds.js").Surface} Surface */
/** @typedef {import("./kinds.js").Span} Span */
/** @typedef {import("./kinds.js").Inline} Inline */
/** @typedef {import("./kinds.js").Block} Block */
/** @typedef {import("./kinds.js").Range} Range */
/** @typedef {import("./kinds.js").Line} Line */

const MARKS = { emphasis: "*", strong: "**" };
const QUOTE = /^ {0,3}>[ \t]?/;
const HEADING = /^#{1,6}[ \t]+/;
const ITEM = /^([ \t]*)(?:([-*+])|(\d{1,9})([.)]))[ \t]+/;
const FARTHEST = 20000; // a longer paragraph is looked at only this far around the caret

/** @param {Surface} at @param {number} place @returns {Range} the paragraph that holds this place */
export function paragraph(at, place) {
  const here = at.line(place);
  let { from, to } = here;
  if (!here.text.trim()) return { from, to };
  for (let up = from; up > 0 && place - up < FARTHEST; from = up) {
    const line = at.line(up - 1);
    if (!line.text.trim()) break;
    up = line.from;
  }
  for (let down = to; down < at.length() && down - place < FARTHEST; to = down) {
    const line = at.line(down + 1);
    if (!line.text.trim()) break;
    down = line.to;
  }
  return { from, to };
}

/** @param {Surface} at @returns {Span[]} what is marked around the selection, places counted from the start of the text */
function around(at) {
  const { from, to } = at.selection();
  const part = paragraph(at, from);
  return spans(at.slice(part.from, part.to))
    .map((s) => ({
      kind: s.kind,
      from: s.from + part.from,
      open: s.open + part.from,
      close: s.close + part.from,
      to: s.to + part.from,
    }))
    .filter((s) => s.from <= from && to <= s.to && (from > s.from || to < s.to || from < to) && from < s.to);
}

/** @param {Surface} at @returns {Set<Inline | Block>} what holds where the caret is, for the state of the tools */
export function holding(at) {
  /** @type {Set<Inline | Block>} */
  const found = new Set(around(at).map((s) => s.kind));
  const text = at.line(at.selection().from).text;
  const bare = text.replace(QUOTE, "");
  if (bare !== text) found.add("quote");
  if (HEADING.test(bare)) found.add("heading");
  if (ITEM.test(bare)) found.add("list");
  return found;
}

/** @param {Surface} at @param {"emphasis" | "strong"} kind */
export function toggle(at, kind) {
  const mark = MARKS[kind];
  let { from, to } = at.selection();
  const span = around(at).find((s) => s.kind === kind);
  if (span) {
    take(at, span, from, to);
    return;
  }
  if (from === to) {
    const n = mark.length;
    if (at.slice(from - n, from) === mark && at.slice(from, from + n) === mark && at.slice(from, from + n + 1) !== mark + "*") {
      at.change({ from: from - n, to: from + n, insert: "", anchor: from - n, head: from - n });
      return;
    }
    const word = wordAt(at, from);
    const inside = at.slice(word.from, word.to);
    const caret = from + n;
    at.change({ ...word, insert: mark + inside + mark, anchor: caret, head: caret });
    return;
  }
  const insert = at
    .slice(from, to)
    .split(/(\n[ \t]*\n)/)
    .map((part) => wrapped(part, mark))
    .join("");
  const space = /^\s*/.exec(insert)?.[0].length ?? 0;
  const tail = /\s*$/.exec(insert)?.[0].length ?? 0;
  at.change({ from, to, insert, anchor: from + space + mark.length, head: from + insert.length - tail - mark.length });
}

/** @param {string} part @param {string} mark */
function wrapped(part, mark) {
  const [, before = "", words = "", after = ""] = /^((?:\s|#+\s|>\s?|[-*+]\s)*)([^]*?)(\s*)$/.exec(part) ?? [];
  return words ? before + mark + words + mark + after : part;
}

/** @param {Surface} at @param {Span} span @param {number} from @param {number} to */
function take(at, span, from, to) {
  const words = at.slice(span.open, span.close);
  const moved = (/** @type {number} */ n) => Math.min(Math.max(n, span.open), span.close) - (span.open - span.from);
  at.change({ from: span.from, to: span.to, insert: words, anchor: moved(from), head: moved(to) });
}

/** @param {Surface} at @param {number} place @returns {Range} the word around the caret; nothing at its edge */
function wordAt(at, place) {
  const line = at.line(place);
  const before = /[\p{L}\p{N}\p{M}'’]*$/u.exec(line.text.slice(0, place - line.from))?.[0].length ?? 0;
  const after = /^[\p{L}\p{N}\p{M}'’]*/u.exec(line.text.slice(place - line.from))?.[0].length ?? 0;
  return before && after ? { from: place - before, to: place + after } : { from: place, to: place };
}

/** @param {Surface} at @param {Block} kind */
export function toggleLines(at, kind) {
  const chosen = at.selection();
  const lines = linesOf(at, chosen);
  const first = lines[0];
  const last = lines[lines.length - 1];
  if (!first || !last) return;
  const all = lines.every((line) => has(line.text, kind) || (!line.text.trim() && lines.length > 1));
  let { from: anchor, to: head } = chosen;
  const insert = lines
    .map((line) => {
      if (!line.text.trim() && lines.length > 1) return kind === "quote" && !all ? ">" : line.text;
      const now = all ? without(line.text, kind) : withMark(line.text, kind);
      const longer = now.length - line.text.length;
      if (chosen.from >= line.from) anchor = Math.max(anchor + longer, first.from);
      if (chosen.to >= line.from) head = Math.max(head + longer, first.from);
      return now;
    })
    .join("\n");
  at.change({ from: first.from, to: last.to, insert, anchor, head: Math.max(anchor, head) });
}

/** @param {Surface} at @param {Range} range @returns {Line[]} */
function linesOf(at, range) {
  const lines = [at.line(range.from)];
  for (let line = lines[0]; line && line.to < range.to; ) {
    line = at.line(line.to + 1);
    lines.push(line);
  }
  return lines;
}

/** @param {string} text @param {Block} kind */
function has(text, kind) {
  if (kind === "quote") return QUOTE.test(text);
  const bare = text.replace(QUOTE, "");
  return (kind === "heading" ? HEADING : ITEM).test(bare);
}

/** @param {string} text @param {Block} kind */
function without(text, kind) {
  if (kind === "quote") return text.replace(QUOTE, "");
  const quote = QUOTE.exec(text)?.[0] ?? "";
  return quote + text.slice(quote.length).replace(kind === "heading" ? HEADING : ITEM, "");
}

/** @param {string} text @param {Block} kind */
function withMark(text, kind) {
  if (has(text, kind)) return text;
  if (kind === "quote") return `> ${text}`;
  const quote = QUOTE.exec(text)?.[0] ?? "";
  const bare = text.slice(quote.length).replace(HEADING, "").replace(ITEM, "");
  return quote + (kind === "heading" ? "# " : "- ") + bare;
}

/**
 * What the Return key does: a new paragraph (CommonMark wants an empty line before it), the next item of a list, the
 * next line of a quotation; on an item or a quoted line with no words, the end of it.
 * @param {Surface} at
 */
export function newParagraph(at) {
  const { from, to } = at.selection();
  const line = at.line(from);
  const quote = QUOTE.exec(line.text)?.[0] ?? "";
  const item = ITEM.exec(line.text.slice(quote.length));
  const lead = quote + (item?.[0] ?? "");
  const put = (/** @type {number} */ start, /** @type {string} */ insert) =>
    at.change({ from: start, to, insert, anchor: start + insert.length, head: start + insert.length });
  if (lead && from === to && !line.text.slice(lead.length).trim()) put(line.from, item ? quote : "");
  else if (from - line.from < lead.length) put(from, "\n");
  else if (item) put(from, `\n${quote}${item[1] ?? ""}${item[2] ?? `${Number(item[3]) + 1}${item[4]}`} `);
  else if (quote) put(from, `\n>\n${quote}`);
  else if (line.text.slice(0, from - line.from).trim()) put(from, nextIsEmpty(at, to) ? "\n" : "\n\n");
  else put(from, "\n");
}

/** @param {Surface} at @param {number} place  whether an empty line follows already, and after it the end or a text */
function nextIsEmpty(at, place) {
  const line = at.line(place);
  return place === line.to && line.to < at.length() && !at.line(line.to + 1).text.trim();
}

/** A line ends, the paragraph goes on (CommonMark 6.7: two spaces). @param {Surface} at */
export function newLine(at) {
  const { from, to } = at.selection();
  const insert = /(^|\s)$/.test(at.slice(Math.max(0, from - 1), from)) ? "\n" : "  \n";
  at.change({ from, to, insert, anchor: from + insert.length, head: from + insert.length });
}

/** @param {Surface} at @returns {string | null} where the link at the caret leads; null where there is none */
export function addressHere(at) {
  const span = around(at).find((s) => s.kind === "link");
  return span ? at.slice(span.close + 2, span.to - 1).trim().replace(/\\([()\\])/g, "$1") : null;
}

/** @param {Surface} at @param {string} address  empty: take the link at the caret away, and leave its words */
export function link(at, address) {
  const { from, to } = at.selection();
  const span = around(at).find((s) => s.kind === "link");
  const goal = whole(address);
  if (span && !goal) take(at, span, from, to);
  if (!goal) return;
  const range = span ?? (from === to ? wordAt(at, from) : { from, to });
  const words = span ? at.slice(span.open, span.close) : at.slice(range.from, range.to).replace(/[[\]\\]/g, "\\$&");
  const shown = words || address.trim().replace(/[[\]\\]/g, "\\$&");
  const insert = `[${shown}](${goal})`;
  at.change({ from: range.from, to: range.to, insert, anchor: range.from + insert.length, head: range.from + insert.length });
}

/** @param {string} address @returns {string} as it can stand in the text; empty where it is none */
function whole(address) {
  const bare = address.trim();
  if (!bare) return "";
  const known = /^(https?:|mailto:|tel:)/i.test(bare);
  const goal = known ? bare : /^[^\s@/]+@[^\s@/]+$/.test(bare) ? `mailto:${bare}` : `https://${bare.replace(/^[a-z]+:\/*/i, "")}`;
  return goal.replace(/\s/g, "%20").replace(/[()\\<>]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** @param {string} words @returns {string} as the alternative text of a picture */
export function asAlternative(words) {
  return words.trim().replace(/\s+/g, " ").replace(/[[\]\\]/g, "\\$&");
}

/**
 * A picture in a paragraph of its own.
 * @param {Surface} at @param {string} cid @param {string} words
 * @param {number | null} place  where, if not where the caret is; the caret then stays with what it is at
 */
export function picture(at, cid, words, place = null) {
  const chosen = at.selection();
  const { from, to } = place === null ? chosen : { from: place, to: place };
  const here = at.line(from);
  const there = at.line(to);
  const before = at.slice(here.from, from).trim() ? "\n\n" : "";
  const after = at.slice(to, there.to).trim() || there.to === at.length() ? "\n\n" : "\n";
  const insert = `${before}![${asAlternative(words)}](cid:${cid})${after}`;
  const moved = (/** @type {number} */ n) => (place === null ? from + insert.length : n < place ? n : n + insert.length);
  at.change({ from, to, insert, anchor: moved(chosen.from), head: moved(chosen.to) });
}
