// @ts-check
// What was chosen, and how much it weighs, before it is handed over; and a word while it is.

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("hand-over"));
const files = /** @type {HTMLInputElement | null} */ (document.getElementById("files"));
const chosen = document.getElementById("chosen");

/** @param {number} octets */
function weight(octets) {
  const [unit, per] = octets < 1e6 ? ["kilobyte", 1e3] : octets < 1e9 ? ["megabyte", 1e6] : ["gigabyte", 1e9];
  const many = per === 1e3 ? Math.max(1, Math.round(octets / 1e3)) : Math.round(octets / (per / 10)) / 10;
  return new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" }).format(many);
}

function say() {
  const list = Array.from(files?.files ?? []);
  if (!chosen) return;
  const words = list.length === 1 ? chosen.dataset["one"] : chosen.dataset["many"];
  const size = weight(list.reduce((sum, file) => sum + file.size, 0));
  chosen.textContent = list.length ? (words ?? "").replace("{n}", String(list.length)).replace("{size}", size) : "";
}

files?.addEventListener("change", say);
addEventListener("pageshow", say);
form?.addEventListener("submit", () => {
  if (chosen) chosen.textContent = chosen.dataset["going"] ?? "";
});
