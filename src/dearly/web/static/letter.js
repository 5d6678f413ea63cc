// @ts-check
// Keys for a letter: a answers, j and k leaf through the correspondence. A button that prints the letter alone. What
// called itself a picture and is none is not shown as one; it is among the enclosures.

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

for (const picture of document.querySelectorAll(".letter .picture")) {
  if (!(picture instanceof HTMLImageElement)) continue;
  const gone = () => picture.closest("figure")?.classList.add("not-shown");
  if (picture.complete && picture.naturalWidth === 0 && picture.loading !== "lazy") gone();
  picture.addEventListener("error", gone);
}
