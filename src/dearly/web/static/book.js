// @ts-check
// The book: a button that prints. Reading, searching and leafing need no script.

const button = document.querySelector("[data-print]");
if (button instanceof HTMLButtonElement) {
  button.hidden = false;
  document.querySelector("[data-print-words]")?.remove();
  button.addEventListener("click", () => window.print());
}
