// @ts-check
// The first day: what a passphrase is worth, said while it is typed; the sheet to the printer; only the fields that are needed.

const root = document.documentElement;
const word = /** @type {HTMLInputElement | null} */ (document.querySelector("input[name=passphrase]"));
const said = document.querySelector("[data-strength]");
let asked = 0;

async function judge() {
  const now = ++asked;
  /** @param {string} name */
  const value = (name) => {
    const field = document.querySelector(`input[name=${name}]`);
    return field instanceof HTMLInputElement ? field.value : "";
  };
  const answer = await fetch("/welcome/strength", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", "dearly-token": root.dataset.token ?? "" },
    body: JSON.stringify({ passphrase: word?.value ?? "", name: value("name"), place: value("place") }),
  });
  if (now === asked && said && answer.ok) said.textContent = (await answer.json()).words;
}

let pause = 0;
word?.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(() => judge().catch(() => {}), 250);
});

const printing = document.querySelector("[data-print]");
if (printing instanceof HTMLElement) {
  printing.hidden = false;
  printing.addEventListener("click", () => window.print());
}

const invited = document.querySelector("[data-invited]");
if (invited instanceof HTMLElement) {
  const show = () => { invited.hidden = document.querySelector("input[name=post]:checked")?.getAttribute("value") !== "office"; };
  for (const choice of document.querySelectorAll("input[name=post]")) choice.addEventListener("change", show);
  show();
}

export {};
