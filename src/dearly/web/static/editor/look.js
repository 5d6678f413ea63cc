// @ts-check
// How the sheet looks while one writes. Only what hangs on the editor's own parts; sizes, colours and the measure are
// those of the one stylesheet.

import { EditorView } from "@codemirror/view";

export const look = EditorView.theme({
  "&": { color: "inherit", marginBlockStart: "0 !important", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { overflow: "visible", fontFamily: "inherit", lineHeight: "inherit", minHeight: "inherit" },
  ".cm-content": { padding: "0", caretColor: "var(--madder)", minHeight: "24rem", fontKerning: "normal" },
  ".cm-line": { padding: "0", textAlign: "start" },
  // Half a line between paragraphs, as on paper.
  ".cm-line.cm-blank": { lineHeight: "1" },
  ".cm-mark": { color: "var(--ink-faint)", fontStyle: "normal", fontWeight: "400" },
  ".cm-em": { fontStyle: "italic" },
  ".cm-strong": { fontWeight: "600" },
  ".cm-heading": { fontSize: "1.22em", lineHeight: "1.35", letterSpacing: "-0.005em" },
  ".cm-quote": { paddingInlineStart: "1.4em", fontStyle: "italic", color: "var(--ink-soft)" },
  ".cm-quote .cm-mark": { marginInlineStart: "-0.8em", fontStyle: "normal" },
  ".cm-quote .cm-mark .cm-mark, .cm-quote .cm-mark ~ .cm-mark, .cm-quote .cm-em .cm-mark": { marginInlineStart: "0" },
  // The mark of an item hangs before it, about as wide as it is.
  ".cm-item": { paddingInlineStart: "1.4em", textIndent: "-0.6em" },
  ".cm-numbered.cm-item": { textIndent: "-1.1em" },
  ".cm-words-of-link": { textDecoration: "underline", textDecorationThickness: "1px", textUnderlineOffset: "0.22em", textDecorationColor: "var(--edge)" },
  ".cm-address": { fontFamily: "var(--sans)", fontSize: "0.72em", color: "var(--ink-faint)", fontStyle: "normal", fontVariantNumeric: "lining-nums", overflowWrap: "anywhere" },
  ".cm-code": { fontFamily: "ui-monospace, monospace", fontSize: "0.86em", fontVariantNumeric: "lining-nums" },
  ".cm-rule": { textAlign: "center" },
  ".cm-caption": { fontSize: "0.82em", fontStyle: "italic", color: "var(--ink-soft)", lineHeight: "1.45", paddingBlockEnd: "0.6em" },
  ".cm-unsaid": { color: "var(--ink-faint)" },
  ".cm-picture": { display: "block", margin: "0", paddingBlock: "0.9em 0.7em" },
  ".cm-picture img": { display: "block", maxInlineSize: "100%", inlineSize: "100%", blockSize: "auto", borderRadius: "1px" },
  ".cm-picture img[data-small]": { inlineSize: "auto" },
  ".cm-picture p": { fontFamily: "var(--sans)", fontSize: "0.72em", color: "var(--ink-faint)", margin: "0" },
  // Focus: every colour within a line follows the line's, so that all of it steps back.
  ".focus-mode & .cm-line": { transition: "color 240ms" },
  ".focus-mode & .cm-line, .focus-mode & .cm-line *": { color: "var(--ink-faint)" },
  ".focus-mode & .cm-line.here": { color: "var(--ink)" },
  ".focus-mode & .cm-line.here *:not(.cm-mark, .cm-mark *, .cm-address, .cm-address *, .cm-unsaid)": { color: "inherit" },
  ".focus-mode & .cm-picture": { opacity: "0.55" },
});
