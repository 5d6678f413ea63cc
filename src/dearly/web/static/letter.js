// @ts-check
// Keys for a letter: a answers, j and k leaf through the correspondence; and a button that prints the letter alone.

/** @param {EventTarget | null} target */
function isWriting(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isWriting(event.target)) return;
  if (document.querySelector("dialog[open]") || !["a", "j", "k"].includes(event.key)) return;
  const act = document.querySelector(`[data-key="${event.key}"]`);
  if (act instanceof HTMLElement) act.click();
});

for (const button of document.querySelectorAll("[data-print]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => print());
}
