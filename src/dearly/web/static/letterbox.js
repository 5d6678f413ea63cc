// @ts-check
// Opening is a small act: the envelope is lifted before the letter is there. Whoever asks for less motion, or has no
// script, simply gets the letter.

const LIFT = 400; // milliseconds, as in the stylesheet
const still = matchMedia("(prefers-reduced-motion: reduce)");

for (const form of document.querySelectorAll("form[data-open]")) {
  if (!(form instanceof HTMLFormElement)) continue;
  form.addEventListener("submit", (event) => {
    const envelope = document.querySelector(`#${form.dataset.open} .envelope`);
    if (still.matches || !envelope || form.dataset.opening) return;
    event.preventDefault();
    form.dataset.opening = "yes";
    envelope.classList.add("opens");
    setTimeout(() => form.requestSubmit(), LIFT);
  });
}
