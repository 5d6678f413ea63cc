// @ts-check
// Every page tells the desk that it is open, and when it goes: after the last one the desk locks itself. A page that
// finds the desk locked makes way for the lock. Before it does, it sends the event "dearly:lock" for what must be kept.

const HEARTBEAT = 60_000; // milliseconds; a page that is looked at asks more often
const LOOK = 15_000;

const root = document.documentElement;
const wasSeated = document.querySelector("main.threshold, main.first-out") === null;
const page = Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => n.toString(16).padStart(2, "0")).join("");
let active = true;
let told = 0;
let leaving = false;

/** @param {"here" | "gone"} what */
function tell(what) {
  const body = JSON.stringify({ page, what, active });
  active = false;
  told = Date.now();
  return fetch("/presence", {
    method: "POST",
    keepalive: what === "gone",
    headers: { "content-type": "application/json", accept: "application/json", "dearly-token": root.dataset.token ?? "" },
    body,
  });
}

/** The token of this browser's session may be a new one: somebody unlocked the desk in another window. */
async function acquaint() {
  const answer = await fetch("/presence", { headers: { accept: "application/json" } });
  const { seated, token } = await answer.json();
  if (token !== root.dataset.token) {
    root.dataset.token = token;
    for (const field of document.querySelectorAll("input[name=token]")) {
      if (field instanceof HTMLInputElement) field.value = token;
    }
    await tell("here");
  }
  return seated;
}

async function look() {
  if (leaving) return;
  let answer;
  try {
    answer = await tell("here");
  } catch {
    return; // the process is not there, or is about to come back
  }
  const seated = answer.ok ? (await answer.json()).seated : await acquaint().catch(() => wasSeated);
  if (wasSeated && !seated) makeWay();
  if (!wasSeated && seated && location.pathname === "/locked") location.replace(goal());
}

function goal() {
  const to = document.querySelector("input[name=to]");
  return to instanceof HTMLInputElement ? to.value : "/";
}

function makeWay() {
  leaving = true;
  // What is kept in answer to this event may take a moment; the desk takes last words for some seconds.
  const waiting = /** @type {Promise<unknown>[]} */ ([]);
  document.dispatchEvent(new CustomEvent("dearly:lock", { detail: { until: (/** @type {Promise<unknown>} */ kept) => waiting.push(kept) } }));
  document.body.hidden = true;
  const over = new Promise((done) => setTimeout(done, 2000));
  const to = location.pathname === "/" ? "" : `?to=${encodeURIComponent(location.pathname)}`;
  Promise.race([Promise.allSettled(waiting), over]).then(() => location.replace(`/locked${to}`));
}

for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"]) {
  addEventListener(kind, () => { active = true; }, { passive: true });
}
addEventListener("pagehide", () => { tell("gone").catch(() => {}); });
addEventListener("pageshow", (event) => { if (event.persisted) look(); });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") look(); });
setInterval(() => {
  if (document.visibilityState === "visible" || Date.now() - told > HEARTBEAT) look();
}, LOOK);
look();

export {};
