// @ts-check
// What every page of the open desk shares: keys for the places, and the sheet that names them.

const PLACES = new Map([["d", "/"], ["b", "/letterbox"], ["l", "/letters"], ["p", "/people"], ["s", "/settings"], ["f", "/search"]]);
const PATIENCE = 1500; // milliseconds between g and the letter after it

const sheet = /** @type {HTMLDialogElement | null} */ (document.getElementById("keys-sheet"));
let going = 0;

/** @param {EventTarget | null} target */
function isWriting(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || target.matches("input, textarea, select, [role=textbox]") || target.shadowRoot !== null);
}

/** @param {string} name */
function press(name) {
  const act = document.querySelector(`[data-key="${name}"]`);
  if (act instanceof HTMLElement) act.click();
}

/** @param {Event} event */
function showKeys(event) {
  if (!sheet || sheet.open) return;
  event.preventDefault();
  sheet.showModal();
  sheet.scrollTop = 0; // the button that closes it has the focus, and stands at its end
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isWriting(event.target) || sheet?.open) return;
  const place = PLACES.get(event.key);
  if (event.timeStamp - going < PATIENCE && place) {
    location.assign(place);
    going = 0;
    return;
  }
  going = event.key === "g" ? event.timeStamp : 0;
  if (event.key === "?") showKeys(event);
  if (event.key === "n") press("n");
});

document.querySelector("[data-keys]")?.addEventListener("click", showKeys);

// A page that comes back from the browser's memory may be one from before a lock: ask the desk again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
