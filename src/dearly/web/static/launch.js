// @ts-check
// The last step of `dearly`: what stands behind the # is posted once, by a page of the desk itself, and forgotten.

const secret = location.hash.slice(1);
const home = document.querySelector("[data-launch]");

/** @param {string} secret */
async function comeIn(secret) {
  // Only a request of our own brings the cookie along that this browser may have already.
  const known = await fetch("/launch", { headers: { accept: "application/json" } });
  const { token } = await known.json();
  const answer = await fetch("/launch", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", "dearly-token": token },
    body: JSON.stringify({ secret }),
  });
  location.replace(answer.ok ? (await answer.json()).go : "/launch");
}

if (secret) {
  // Before anything else: neither the history nor a glance at the address may keep it.
  history.replaceState(null, "", "/launch");
  comeIn(secret).catch(() => location.replace("/launch"));
} else if (home && !home.matches("form")) {
  location.replace("/launch");
}

export {};
