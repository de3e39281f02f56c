// The page between two runs: it asks for the next one while it is in front, and opens it.
"use strict";

(() => {
  const shown = Object.fromEntries(
    ["title", "bar", "status", "advice", "awake"].map((id) => [id, document.getElementById(id)]),
  );
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  let asking = null;
  let first = true;

  async function stayAwake() {
    if (!("wakeLock" in navigator)) {
      shown.awake.textContent = "This page cannot keep the screen on: set it to stay on.";
      return;
    }
    try {
      await navigator.wakeLock.request("screen");
      shown.awake.textContent = "The screen is kept on.";
    } catch (error) {
      shown.awake.textContent = `The screen is not kept on (${error.name}): set it to stay on.`;
    }
  }

  function show({ done, total, now }) {
    if (!total) return;
    shown.title.textContent = "Measuring";
    shown.bar.max = total;
    shown.bar.value = done;
    shown.status.textContent = `${done} of ${total} runs are done. ${now}`;
  }

  function finish() {
    shown.title.textContent = "Done";
    shown.status.textContent = "Everything is measured and kept on the computer that asked for it.";
    shown.advice.textContent = "You can close this page.";
    shown.awake.textContent = "";
    shown.bar.hidden = true;
  }

  async function ask() {
    asking = new AbortController();
    // The first answer comes at once, so that the page shows how far the session is.
    const answer = await fetch(`/next?at=lobby${first ? "&now=1" : ""}`, { cache: "no-store", signal: asking.signal });
    if (answer.status === 403) throw new Error("stranger");
    const order = await answer.json();
    first = false;
    show(order.progress);
    return order;
  }

  async function work() {
    for (;;) {
      try {
        if (document.visibilityState === "hidden") {
          await new Promise((shownAgain) =>
            document.addEventListener("visibilitychange", shownAgain, { once: true }),
          );
          continue;
        }
        const order = await ask();
        if (order.do === "open") {
          location.replace(order.url);
          return;
        }
        if (order.do === "over") {
          finish();
          return;
        }
      } catch (error) {
        if (error.message === "stranger") {
          location.reload();
          return;
        }
        if (error.name !== "AbortError") {
          shown.status.textContent = "The computer that serves this page does not answer. Trying…";
          await pause(1000);
        }
      }
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") asking?.abort();
    else stayAwake();
  });
  stayAwake();
  work();
})();
