// @ts-check
// Looking as one types: the page's own form is sent at each pause, and what was found is taken out of the answer.

const PAUSE = 200; // ms without a key

const form = /** @type {HTMLFormElement} */ (document.getElementById("look"));
const said = /** @type {HTMLElement} */ (document.getElementById("found-said"));
const found = /** @type {HTMLElement} */ (document.getElementById("found"));
let timer = 0;
let asked = new AbortController();

/** Send a form as the browser would. @param {URLSearchParams} fields @returns {Promise<Document | null>} */
async function send(fields) {
  asked.abort(); // only what was typed last is waited for
  const mine = (asked = new AbortController());
  fields.set("token", document.documentElement.dataset.token ?? "");
  try {
    const answer = await fetch("/search", { method: "POST", body: fields, signal: mine.signal });
    if (answer.redirected) location.assign("/search"); // the desk was locked meanwhile
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null;
  }
}

/** @param {HTMLFormElement} sent @param {HTMLElement | null} [by] */
function fieldsOf(sent, by) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(sent, by)) fields.append(name, String(value));
  return fields;
}

/** @param {HTMLFormElement} sent @param {HTMLElement | null} [by] */
async function look(sent, by) {
  clearTimeout(timer);
  const page = await send(fieldsOf(sent, by));
  if (!page) return;
  found.replaceChildren(...(page.getElementById("found")?.childNodes ?? []));
  said.textContent = page.getElementById("found-said")?.textContent ?? "";
  const typed = page.querySelector("#q");
  const field = form.querySelector("#q");
  if (by && typed instanceof HTMLInputElement && field instanceof HTMLInputElement) {
    field.value = typed.value;
    field.focus();
  }
}

/** @param {HTMLFormElement} sent */
async function more(sent) {
  const page = await send(fieldsOf(sent));
  const list = found.querySelector(".hits");
  const added = [...(page?.querySelectorAll(".hits > li") ?? [])];
  if (!page || !list) return;
  list.append(...added);
  const next = page.querySelector("form[data-more]");
  if (next) sent.replaceWith(next);
  else sent.remove();
  added[0]?.querySelector("a")?.focus();
}

form.addEventListener("input", (event) => {
  const typing = event.target instanceof HTMLInputElement && event.target.type === "search";
  clearTimeout(timer);
  timer = window.setTimeout(() => void look(form), typing ? PAUSE : 0);
});
document.addEventListener("submit", (event) => {
  const sent = event.target;
  if (!(sent instanceof HTMLFormElement) || sent.getAttribute("action") !== "/search") return;
  event.preventDefault();
  if (sent.hasAttribute("data-more")) void more(sent);
  else void look(sent, sent === form ? null : event.submitter);
});
