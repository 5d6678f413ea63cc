// @ts-check
// How a page's script speaks with the desk.

/** @typedef {{ok: boolean, status: number, answer: any}} Answer  status 0: nobody answered */

export const MOST_AT_THE_END = 60_000; // octets that a browser sends on when its page goes (Fetch, "inflight keepalive bytes")

const PATIENCE = 20_000; // ms after which an answer is not waited for any more

/**
 * @param {string} path @param {unknown} value
 * @param {{keepalive?: boolean, token?: string}} [how]
 * @returns {Promise<Answer>}
 */
export async function send(path, value, { keepalive = false, token } = {}) {
  try {
    const response = await fetch(path, {
      method: "POST",
      keepalive,
      ...(keepalive ? {} : { signal: AbortSignal.timeout(PATIENCE) }),
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        "Dearly-Token": token ?? document.documentElement.dataset.token ?? "",
      },
      body: JSON.stringify(value),
    });
    return { ok: response.ok, status: response.status, answer: await read(response) };
  } catch {
    return { ok: false, status: 0, answer: {} };
  }
}

/** @param {string} path @returns {Promise<any>} what the desk answers; null where it does not */
export async function ask(path) {
  try {
    const response = await fetch(path, { headers: { Accept: "application/json" } });
    return response.ok ? await read(response) : null;
  } catch {
    return null;
  }
}

/** @param {Response} response */
async function read(response) {
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return isJson ? await response.json() : {};
}

/** Octets of a text in UTF-8, at the most. @param {string} text */
export function octets(text) {
  return text.length > MOST_AT_THE_END ? 3 * text.length : new TextEncoder().encode(text).length;
}
