// @ts-check
// The editor of the writing page, behind one small interface: the field as it is, or, where its files are there, the
// sheet made of it. `await makeEditor(field)`; what comes of it is described in editor/kinds.js.

import { plainEditor } from "./editor/plain.js";
import { layTools } from "./editor/tools.js";
import { takePictures } from "./editor/pictures.js";

/** @typedef {import("./editor/kinds.js").Editor} Editor */
/** @typedef {import("./editor/kinds.js").Surface} Surface */

/**
 * @param {HTMLTextAreaElement} field  it stays the form's own field: whatever sends the form sends the text
 * @returns {Promise<Editor>}
 */
export async function makeEditor(field) {
  const { editor, surface } = (await sheetOf(field)) ?? plainEditor(field);
  layTools(editor, surface);
  takePictures(editor, surface, field);
  return editor;
}

/**
 * The sheet, where the page brought the map of its files and the browser can do with them.
 * @param {HTMLTextAreaElement} field
 * @returns {Promise<{editor: Editor, surface: Surface} | null>}
 */
async function sheetOf(field) {
  if (!document.querySelector('script[type="importmap"]')) return null;
  try {
    const { sheetEditor } = await import("./editor/sheet.js");
    return sheetEditor(field);
  } catch (error) {
    console.info("The plain field is used:", error instanceof Error ? error.name : "unknown");
    return null;
  }
}
