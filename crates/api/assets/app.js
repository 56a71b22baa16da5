// The page is rendered on the server; this only fetches it again when the server says that something has changed.
(() => {
  "use strict";
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  const live = document.getElementById("live");
  const show = (state) => {
    live.dataset.state = state;
    live.textContent = state;
  };
  let busy = false;
  let again = false;

  async function refresh() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(main.dataset.live, { cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok) {
        show("waiting");
        return;
      }
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = new Set([...main.querySelectorAll("details[open]")].map((row) => row.id));
      const focused = document.activeElement?.closest("details")?.id;
      for (const row of next.querySelectorAll("details")) row.open = open.has(row.id);
      main.replaceChildren(...next.body.childNodes);
      if (focused) document.getElementById(focused)?.querySelector("summary")?.focus({ preventScroll: true });
      show("live");
    } catch {
      show("waiting");
    } finally {
      busy = false;
      if (again) {
        again = false;
        refresh();
      }
    }
  }

  const events = new EventSource(main.dataset.events);
  events.addEventListener("open", () => show("live"));
  events.addEventListener("changed", refresh);
  events.addEventListener("error", () => {
    show("waiting");
    // A session that has ended closes the stream for good; the page then asks to sign in.
    if (events.readyState === EventSource.CLOSED) refresh();
  });
})();
