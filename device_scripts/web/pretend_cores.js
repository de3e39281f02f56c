// An init script, called with the least number of cores that the page must see.
//
// TF.js caps its threads at hardwareConcurrency / 2 without a word, so asking for N threads on a
// machine of fewer than 2N cores needs this. It claims nothing by itself: the harness asks the
// Wasm module afterwards how many threads it has.
(cores) => {
  "use strict";
  const real = navigator.hardwareConcurrency;
  globalThis.edgebenchRealCores = real;
  if (real >= cores) return;
  try {
    Object.defineProperty(navigator, "hardwareConcurrency", {
      configurable: true,
      get: () => cores,
    });
  } catch {
    // Something else has fixed it; the thread count that is observed will tell.
  }
}
