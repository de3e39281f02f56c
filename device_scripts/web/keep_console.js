// For browsers whose automation tells nothing of the console: keeps what the page says, and what
// it fails with, in `edgebenchSaid`. It wraps nothing that is called while a run is timed, unless
// the page itself writes to the console then.
(() => {
  "use strict";
  const MOST = 1000;
  const said = { console: [], errors: [] };
  globalThis.edgebenchSaid = said;
  const keep = (lines, line) => lines.length < MOST && lines.push(line);

  for (const level of ["debug", "error", "info", "log", "warn"]) {
    const real = console[level];
    console[level] = (...words) => {
      keep(said.console, `${level}: ${words.map(String).join(" ")}`);
      real.apply(console, words);
    };
  }
  addEventListener("error", (event) => keep(said.errors, String(event.message)));
  addEventListener("unhandledrejection", (event) => keep(said.errors, String(event.reason)));
})();
