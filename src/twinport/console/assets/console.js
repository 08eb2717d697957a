// The console's own script: every page works without it. It keeps what moves fresh, and closes open menus.
"use strict";

const PAUSE = 2000;

/** Fetch a live part again until the server says that nothing moves any more. */
async function keepFresh(part) {
  while (part.dataset.live) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    const answer = await fetch(part.dataset.live, { redirect: "error" }).catch(() => null);
    if (!answer || !answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".live");
    if (!fresh) return;
    // A part that holds the keyboard focus or a choice stays as it is, so that the user loses neither.
    if (!part.contains(document.activeElement) && !part.querySelector("input:checked") && fresh.innerHTML !== part.innerHTML) {
      part.replaceChildren(...fresh.childNodes);
    }
    part.dataset.live = fresh.dataset.live;
  }
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

document.querySelectorAll("[data-live]").forEach(keepFresh);
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  const open = document.querySelector("details.menu[open]");
  if (event.key === "Escape" && open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
