// @ts-check
// The envelope: one side at a time, turned by a button; the stamp says the way that is chosen. Without this module both
// sides lie there, and every choice is there as well.

const TURNED = "data-turned";

/** @param {HTMLElement} envelope @param {HTMLButtonElement} button */
function turnable(envelope, button) {
  const [front, back] = envelope.querySelectorAll(".face");
  if (!(front instanceof HTMLElement) || !(back instanceof HTMLElement)) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const words = { front: button.textContent ?? "", back: button.dataset.turnBack ?? "" };
  envelope.classList.add("turns");
  back.hidden = true;
  button.hidden = false;
  button.addEventListener("click", () => {
    const toBack = back.hidden;
    const [off, on] = toBack ? [front, back] : [back, front];
    button.textContent = toBack ? words.back : words.front;
    if (calm.matches) {
      off.hidden = true;
      on.hidden = false;
      return;
    }
    off.setAttribute(TURNED, "");
    off.addEventListener("transitionend", () => {
      off.hidden = true;
      off.removeAttribute(TURNED);
      on.hidden = false;
      on.setAttribute(TURNED, "");
      requestAnimationFrame(() => requestAnimationFrame(() => on.removeAttribute(TURNED)));
    }, { once: true });
  });
}

/** @param {HTMLFormElement} form @param {string} start */
function chosen(form, start) {
  return [...form.querySelectorAll("input:checked")]
    .filter((one) => one instanceof HTMLInputElement)
    .filter((one) => one.name.startsWith(start));
}

/** @param {HTMLFormElement} form */
function follow(form) {
  const ways = chosen(form, "way ");
  const stamp = ways[0]?.dataset.stamp;
  const word = document.querySelector("#envelope .stamp-word");
  const envelope = document.getElementById("envelope");
  if (stamp && word) word.textContent = stamp;
  if (envelope && ways[0]) envelope.dataset.way = ways[0].value;

  const times = form.querySelector("[data-times]");
  const keeps = chosen(form, "key ").some((key) => key.value === "keep");
  const carried = ways.length > 0 && ways.every((way) => way.value === "hand");
  if (times instanceof HTMLElement) times.hidden = carried || keeps;

  const post = form.querySelector("button[data-words-keep]");
  if (post instanceof HTMLButtonElement) {
    post.textContent = (keeps ? post.dataset.wordsKeep : post.dataset.wordsPost) ?? "";
  }
}

const button = document.querySelector("[data-turn]");
const envelope = document.getElementById("envelope");
if (button instanceof HTMLButtonElement && envelope) turnable(envelope, button);

const form = document.getElementById("closing");
if (form instanceof HTMLFormElement) {
  form.addEventListener("change", () => follow(form));
  follow(form);
}
