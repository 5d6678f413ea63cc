// @ts-check
// Stands in for the package style-mod, through which CodeMirror brings its styles. That one writes a <style> element
// into the page, which our policy (style-src 'self') forbids, as it should; this one hands the same rules to the document
// as a constructed sheet, which no policy needs to allow.

/** @typedef {{[name: string]: any}} Spec */
/** @typedef {{finish?: (selector: string) => string}} Options */

let names = 0;

export class StyleModule {
  /** @param {Spec} spec  rules by selector @param {Options} [options] */
  constructor(spec, { finish } = {}) {
    /** @type {string[]} */
    this.rules = [];
    for (const selector in spec) render(parts(selector), spec[selector], this.rules, finish, false);
  }

  /** @returns {string} */
  getRules() {
    return this.rules.join("\n");
  }

  /** @returns {string} a class name that nothing else has */
  static newName() {
    names += 1;
    return `cm-own-${names.toString(36)}`;
  }

  /**
   * Later modules win over earlier ones.
   * @param {Document | ShadowRoot} root @param {StyleModule | readonly StyleModule[]} modules
   */
  static mount(root, modules) {
    const wanted = Array.isArray(modules) ? modules : [modules];
    const mounted = sheets.get(root) ?? { sheet: new CSSStyleSheet(), modules: [] };
    if (!sheets.has(root)) {
      sheets.set(root, mounted);
      root.adoptedStyleSheets = [mounted.sheet, ...root.adoptedStyleSheets];
    }
    const rest = mounted.modules.filter((one) => !wanted.includes(one));
    const next = [...wanted, ...rest];
    if (next.every((one, i) => one === mounted.modules[i])) return;
    mounted.modules = next;
    mounted.sheet.replaceSync(next.map((one) => one.getRules()).join("\n"));
  }
}

/** @type {WeakMap<Document | ShadowRoot, {sheet: CSSStyleSheet, modules: StyleModule[]}>} */
const sheets = new WeakMap();

/** @param {string} selector */
function parts(selector) {
  return selector.startsWith("@") ? [selector] : selector.split(/,\s*/);
}

/**
 * @param {string[]} selectors @param {Spec | null} spec @param {string[]} target
 * @param {Options["finish"]} finish @param {boolean} inKeyframes
 */
function render(selectors, spec, target, finish, inKeyframes) {
  const at = /^@(\w+)/.exec(selectors[0] ?? "");
  const keyframes = at?.[1] === "keyframes";
  if (at && spec === null) {
    target.push(`${selectors[0]};`);
    return;
  }
  /** @type {string[]} */
  const own = [];
  for (const [name, value] of Object.entries(spec ?? {})) {
    if (name.includes("&")) {
      const nested = name.split(/,\s*/).flatMap((part) => selectors.map((one) => part.replace("&", () => one)));
      render(nested, value, target, finish, inKeyframes);
    } else if (value !== null && typeof value === "object") {
      if (!at) throw new RangeError(`${name} should have a plain value`);
      render(parts(name), value, own, finish, keyframes);
    } else if (value !== null && value !== undefined) {
      own.push(`${name.replace(/_.*/, "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${value};`);
    }
  }
  if (!own.length && !keyframes) return;
  const shown = finish && !at && !inKeyframes ? selectors.map(finish) : selectors;
  target.push(`${shown.join(", ")} {${own.join(" ")}}`);
}
