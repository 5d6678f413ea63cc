/* The search of the archive. The index lies beside the page, as scripts (export_html_index in Dearly's source):
   words-N.js says in which letters the words of one bucket stand, letters-N.js what is shown of 500 letters. */
"use strict";
(() => {
  const form = document.querySelector("[data-search]");
  if (!form) return;
  const field = form.querySelector("input");
  const said = document.querySelector("[data-said]");
  const list = document.querySelector("[data-found]");
  const more = document.querySelector("[data-more]");
  const say = form.dataset;
  const BUCKETS = 256, LISTED = 500, PAGE = 50;
  const NO_BLANKS = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]/;

  const pending = new Map();
  const buckets = new Map();
  const shown = new Map();

  /* What the files of the index call. */
  globalThis.dearly = {
    words(number, lines) { buckets.set(number, lines); },
    letters(number, rows) { shown.set(number, rows); },
  };

  function load(name) {
    if (!pending.has(name)) {
      pending.set(name, new Promise((done, failed) => {
        const script = document.createElement("script");
        script.src = `search/${name}.js`;
        script.onload = () => done();
        script.onerror = () => { pending.delete(name); failed(new Error(name)); };
        document.head.append(script);
      }));
    }
    return pending.get(name);
  }

  /* As `words` in export_html_index does it. */
  function terms(text) {
    const folded = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ");
    const found = new Set();
    for (const run of folded.match(/[\p{L}\p{N}]+/gu) ?? []) {
      const chars = Array.from(run);
      if (NO_BLANKS.test(run)) {
        for (let at = 0; at < Math.max(1, chars.length - 1); at += 1) found.add(chars.slice(at, at + 2).join(""));
      } else {
        found.add(chars.slice(0, 32).join(""));
      }
    }
    return [...found];
  }

  function bucket(word) {
    const [first, second] = Array.from(word);
    return (first.codePointAt(0) * 31 + (second ? second.codePointAt(0) : 0)) % BUCKETS;
  }

  /* The letters in which a word stands that begins with `term`; a term of one character must be the word itself. */
  async function lettersWith(term) {
    const number = bucket(term);
    await load(`words-${number}`);
    const alone = Array.from(term).length === 1 ? ":" : "";
    const found = new Set();
    for (const line of buckets.get(number) ?? []) {
      let at = line.startsWith(term + alone) ? 0 : line.indexOf(` ${term}${alone}`);
      while (at >= 0) {
        const colon = line.indexOf(":", at);
        const end = line.indexOf(" ", colon);
        let sum = 0;
        for (const step of line.slice(colon + 1, end < 0 ? undefined : end).split(".")) {
          sum += parseInt(step, 36);
          found.add(sum);
        }
        at = end < 0 ? -1 : line.indexOf(` ${term}${alone}`, end);
      }
    }
    return found;
  }

  let numbers = [];
  let asked = 0;

  function row([day, spoken, who, subject, address]) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = address;
    link.textContent = who;
    const when = document.createElement("time");
    when.dateTime = day;
    when.textContent = spoken;
    item.append(when, link);
    if (subject) {
      const line = document.createElement("span");
      line.className = "subject";
      line.dir = "auto";
      line.textContent = subject;
      item.append(line);
    }
    return item;
  }

  async function showMore() {
    const begin = list.children.length;
    const next = numbers.slice(begin, begin + PAGE);
    await Promise.all([...new Set(next.map((n) => Math.floor(n / LISTED)))].map((n) => load(`letters-${n}`)));
    list.append(...next.map((n) => row(shown.get(Math.floor(n / LISTED))[n % LISTED])));
    more.hidden = list.children.length >= numbers.length;
  }

  async function search() {
    const mine = (asked += 1);
    const wanted = terms(field.value);
    if (!wanted.length) {
      list.replaceChildren();
      more.hidden = true;
      said.textContent = "";
      return;
    }
    try {
      const sets = await Promise.all(wanted.map(lettersWith));
      if (mine !== asked) return;
      sets.sort((one, other) => one.size - other.size);
      numbers = [...sets[0]].filter((n) => sets.every((set) => set.has(n))).sort((one, other) => other - one);
      list.replaceChildren();
      said.textContent = numbers.length === 0 ? say.none : numbers.length === 1 ? say.one : say.many.replace("{n}", String(numbers.length));
      await showMore();
    } catch {
      if (mine === asked) said.textContent = say.trouble;
    }
  }

  let soon = 0;
  field.addEventListener("input", () => { clearTimeout(soon); soon = setTimeout(search, 120); });
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(soon); search(); });
  more.addEventListener("click", async () => {
    const first = list.children.length;
    await showMore();
    list.children[first]?.querySelector("a")?.focus();
  });
  form.hidden = false;
})();
