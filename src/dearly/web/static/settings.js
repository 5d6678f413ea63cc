// @ts-check
// Choices of one click keep themselves at once; without this file their button does. And the sheet goes to the printer.

const root = document.documentElement;

for (const form of document.querySelectorAll("form[data-at-once]")) {
  if (!(form instanceof HTMLFormElement)) continue;
  const button = form.querySelector("button");
  if (button) button.hidden = true;
  form.addEventListener("change", () => void keep(form));
}

/** @param {HTMLFormElement} form */
async function keep(form) {
  const name = form.dataset.atOnce ?? "";
  const value = String(new FormData(form).get(name) ?? "");
  const said = form.querySelector("[data-said]");
  let kept = false;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", "dearly-token": root.dataset.token ?? "" },
      body: JSON.stringify({ [name]: value }),
    });
    kept = answer.ok;
  } catch {
    kept = false;
  }
  if (said) said.textContent = kept ? "" : (form.dataset.trouble ?? "");
  if (!kept) return;
  if (name === "language") location.reload();
  else if (value) root.dataset[name] = value;
  else delete root.dataset[name];
}

for (const button of document.querySelectorAll("button[data-print]")) {
  if (!(button instanceof HTMLElement)) continue;
  button.hidden = false;
  button.addEventListener("click", () => print());
}
