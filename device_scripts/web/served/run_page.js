// The first script of a run's page in a served browser, after the run's own init scripts.
//
// It asks for the page's jobs, does them, and sends their answers, with what happened to the page
// meanwhile: whether it was hidden, frozen or left, whether the device slept, whether the screen
// was kept on, and what the page said on its console. Nothing of it runs while a job does.
"use strict";

(() => {
  const PLACE = document.currentScript.dataset.place;
  const MOST_LINES = 200;
  const SETTLES_MS = 50;
  const WAKES_WITHIN_MS = 1000;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  // Of the browser's own clock, even where a script has put another one in its place.
  const clock = () => new Event("clock").timeStamp;

  let seen = null;
  let wakeLock = "not asked for";
  const said = { console: [], errors: [] };

  function keep(lines, line) {
    if (lines.length < MOST_LINES) lines.push(String(line).slice(0, 2000));
  }

  for (const level of ["error", "warn", "info", "log"]) {
    const original = console[level].bind(console);
    console[level] = (...words) => {
      keep(said.console, `${level}: ${words.join(" ")}`);
      original(...words);
    };
  }
  addEventListener("error", (event) => keep(said.errors, event.message));
  addEventListener("unhandledrejection", (event) => keep(said.errors, event.reason));

  function disturbed(why) {
    if (seen === null) return;
    if (seen.hidden.length < 20) seen.hidden.push(why);
    // Said at once, since a frozen page says nothing more; the run is over then, and so is its page.
    send("/disturbed", { at: PLACE, why }, { keepalive: true })
      .then(() => location.replace("/"))
      .catch(() => {});
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") disturbed("hidden");
  });
  document.addEventListener("freeze", () => disturbed("frozen"));
  addEventListener("pagehide", () => disturbed("left"));

  function send(where, what, more) {
    return fetch(where, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(what),
      ...more,
    });
  }

  async function stayAwake() {
    if (!("wakeLock" in navigator)) {
      wakeLock = "not there";
      return;
    }
    try {
      const sentinel = await navigator.wakeLock.request("screen");
      wakeLock = "held";
      sentinel.addEventListener("release", () => (wakeLock = "released"));
    } catch (error) {
      wakeLock = `refused: ${error.name}`;
    }
  }

  function show({ done, total, now }) {
    const line = document.createElement("p");
    line.textContent =
      (total ? `${done} of ${total} runs are done. ${now} ` : "") +
      "Leave this page in front and the screen on.";
    Object.assign(line.style, { font: "1.1rem/1.5 system-ui, sans-serif", padding: "2rem" });
    document.documentElement.style.colorScheme = "light dark";
    document.body.append(line);
  }

  async function doJob(order) {
    show(order.progress);
    await pause(SETTLES_MS);
    seen = { hidden: document.visibilityState === "hidden" ? ["hidden"] : [] };
    const began = { day: Date.now(), page: clock() };
    const answer = { job: order.job, value: null, error: null };
    try {
      // The page's policy lets scripts of its own be compiled, as TF.js' threads need it.
      const work = (0, eval)(`(${order.function})`);
      answer.value = (await work(order.argument)) ?? null;
    } catch (error) {
      answer.error = String(error?.message ?? error).slice(0, 2000);
    }
    // A loop of promises starves events: those that came meanwhile are delivered now.
    await pause(SETTLES_MS);
    const slept = Date.now() - began.day - (clock() - began.page);
    answer.seen = { ...seen, ...said, slept_s: slept / 1000, wake_lock: wakeLock };
    seen = null;
    for (let sent = false; !sent; ) {
      // An answer that is refused is not wanted (any more); one that did not arrive is.
      sent = await send("/answer", answer).then(() => true, () => pause(1000).then(() => false));
    }
  }

  async function work() {
    // Held open until the page goes away: a page that is killed can say nothing.
    fetch(`/tie?at=${encodeURIComponent(PLACE)}`, { cache: "no-store" }).catch(() => {});
    await Promise.race([stayAwake(), pause(WAKES_WITHIN_MS)]);
    for (;;) {
      let order;
      try {
        const answer = await fetch(`/next?at=${encodeURIComponent(PLACE)}`, { cache: "no-store" });
        order = answer.ok ? await answer.json() : { do: "over" };
      } catch {
        await pause(1000);
        continue;
      }
      if (order.do === "evaluate") await doJob(order);
      else if (order.do === "open") return location.replace(order.url);
      else if (order.do === "over") return location.replace("/");
    }
  }

  addEventListener("load", work);
})();
