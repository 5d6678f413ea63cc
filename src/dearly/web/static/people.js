// @ts-check
// A card or a picture of its code that is dropped on the form goes into its field. The field does the same by key.

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
