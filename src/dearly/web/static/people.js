// @ts-check
// The address book: a name is found as it is typed, without regard to accents; and a card, or a picture of its code, that
// is dropped on the form goes into its field. The field does the same by key.

/** What one types for letters that no accent makes. @type {Record<string, string>} */
const typed = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

const finding = document.querySelector("[data-find]");
const finder = finding?.querySelector("input");
const found = finding?.querySelector("[role=status]");

if (finding instanceof HTMLElement && finder instanceof HTMLInputElement && found instanceof HTMLElement) {
  const folk = [...document.querySelectorAll(".folk-list li")].map((line) => ({
    line: /** @type {HTMLElement} */ (line),
    name: plain(line.textContent ?? ""),
  }));
  const look = () => {
    const words = plain(finder.value).split(" ");
    for (const { line, name } of folk) line.hidden = !words.every((word) => name.includes(word));
    found.textContent = folk.some(({ line }) => !line.hidden) ? "" : (found.dataset.none ?? "");
  };
  finding.hidden = false;
  finder.addEventListener("input", look);
  look();
}

/** @param {string} text */
function plain(text) {
  const bare = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim().replace(/\s+/g, " ");
  return bare.replace(/[ßæœøłđðþı]/g, (sign) => typed[sign] ?? sign);
}

const form = document.querySelector("form[data-drop]");

if (form instanceof HTMLFormElement) {
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    const field = form.elements.namedItem(file.type.startsWith("image/") ? "picture" : "card");
    if (!(field instanceof HTMLInputElement)) return;
    const carried = new DataTransfer();
    carried.items.add(file);
    field.files = carried.files;
    field.focus();
  });
  form.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    const field = form.elements.namedItem("picture");
    if (!file || !(field instanceof HTMLInputElement)) return;
    event.preventDefault();
    const carried = new DataTransfer();
    carried.items.add(file);
    field.files = carried.files;
    field.focus();
  });
}
