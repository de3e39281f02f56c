// Counts the threads that run beside the page's own: what a runtime says of its threads is what it
// was asked for, the workers that it has set to work are what there is.
//
// Emscripten's threads hand a worker the module first; the second message is the thread to run.
// A worker of a pool that was never needed has had the first only.
"use strict";

edgebench.runningWorkers = (() => {
  const messages = new Map();

  globalThis.Worker = class extends globalThis.Worker {
    constructor(...all) {
      super(...all);
      messages.set(this, 0);
    }

    postMessage(...all) {
      messages.set(this, messages.get(this) + 1);
      super.postMessage(...all);
    }

    terminate() {
      messages.delete(this);
      super.terminate();
    }
  };

  return () => [...messages.values()].filter((count) => count > 1).length;
})();
