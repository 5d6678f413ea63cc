// @ts-check
// The shapes that the parts of the editor share. Nothing here runs.

/**
 * What the page has of the editor, whether it is the plain field or the sheet made of it.
 * @typedef {object} Editor
 * @property {HTMLElement} element  where one types
 * @property {boolean} rich  whether the text is shown as it will be read
 * @property {() => string} text  the CommonMark source, lines ended by "\n"
 * @property {() => number} length  of the text, in UTF-16 units; costs nothing
 * @property {() => number} caret  where the caret is, in UTF-16 units
 * @property {() => unknown} history  what can be undone, as JSON; null where the browser alone keeps it
 * @property {(text: string, caret?: number) => void} set  put another text here; it can be undone
 * @property {(markdown: string) => void} insert  at the caret, in place of what is selected
 * @property {(heard: () => void) => void} onchange  called after each change of the text
 * @property {(on: boolean) => void} focusMode  let all but the paragraph with the caret step back
 * @property {() => boolean} inFocusMode
 * @property {() => void} focus
 */

/** @typedef {{from: number, to: number, text: string}} Line */
/** @typedef {{from: number, to: number}} Range */

/**
 * One step that can be undone by itself: `insert` in place of `from`..`to`, then the selection `anchor`..`head`.
 * @typedef {{from: number, to: number, insert: string, anchor: number, head: number}} Change
 */

/**
 * What the acts of formatting need of either editor.
 * @typedef {object} Surface
 * @property {() => Range} selection
 * @property {() => number} length
 * @property {(at: number) => Line} line  the line that holds this place
 * @property {(from: number, to: number) => string} slice
 * @property {(change: Change) => void} change
 * @property {(at: number) => () => number} bookmark  where that place is later on
 * @property {(x: number, y: number) => number | null} placeAt  the place at a point of the window; null where unknown
 * @property {() => void} focus
 */

/** @typedef {"emphasis" | "strong" | "link"} Inline */
/** @typedef {"heading" | "quote" | "list"} Block */

/**
 * Something marked within a paragraph: the whole from `from` to `to`, its words from `open` to `close`.
 * @typedef {{kind: Inline, from: number, open: number, close: number, to: number}} Span
 */

export {};
