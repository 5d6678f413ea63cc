// @ts-check
// The book: a button that prints. Reading, searching and leafing need no script.

const button = document.querySelector("[data-print]");
if (button instanceof HTMLButtonElement) {
  button.hidden = false;
  document.querySelector("[data-print-words]")?.remove();
  button.addEventListener("click", () => window.print());
}

// What is to be printed is there before it is, pictures too.
if (document.body.classList.contains("for-print")) {
  for (const picture of document.querySelectorAll("img")) picture.loading = "eager";
}
