// @ts-check
// How far long work is: asked each second, until the desk leads to what came of it.

const PAUSE = 1000;

async function look() {
  try {
    const answer = await fetch("/work");
    if (answer.redirected) {
      location.replace(answer.url);
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.getElementById("how-far");
    if (now) document.getElementById("how-far")?.replaceChildren(...now.childNodes);
  } catch {
    // the desk does not answer: it is asked again
  }
  setTimeout(look, PAUSE);
}

setTimeout(look, PAUSE / 4);
