// Puts a workload in the place of the model: wraps the adapter that was loaded before it, so that
// the loop of bench.js warms up, batches and times `run` as it does an inference.
//
// The workload's module exports `setup`, `run` and `teardown`; docs/workloads.md tells what they
// are given. What it does outside `run` is in no latency. `argument.workload` is {module, folder,
// options, schedule}, from harness/web_lane/workloads.py; what this file adds to the answer is read
// by harness/tools/workload_page.py.
"use strict";

edgebench.runtime = ((runtime) => {
  const { PageError, DTYPES } = edgebench;
  const EXPORTS = ["setup", "run", "teardown"];
  const OUTPUTS = { float32: Float32Array, int32: Int32Array };
  // A clock that stands still must not keep the page waiting for its next frame for ever.
  const MOST_WAITS_PER_FRAME = 1000;

  let iteration = 0;
  let open = null;
  // Without a prototype, so that a stage may have any name.
  let current = Object.create(null);
  const records = [];

  function failed(what, error) {
    const wrapped = new PageError("workload-error", `${what}: ${error?.message ?? error}`);
    wrapped.stack = error?.stack ?? wrapped.stack;
    return wrapped;
  }

  async function stage(name, work) {
    if (open !== null) throw new Error(`the stage ${name} began inside the stage ${open}`);
    open = String(name);
    const began = performance.now();
    try {
      return await work();
    } finally {
      current[open] = (current[open] ?? 0) + performance.now() - began;
      open = null;
    }
  }

  async function imported(url) {
    let module;
    try {
      module = await import(url);
    } catch (error) {
      throw failed("the workload cannot be loaded", error);
    }
    const missing = EXPORTS.filter((name) => typeof module[name] !== "function");
    if (missing.length) {
      throw failed("the workload", `it exports no function ${missing.join(", ")}`);
    }
    return module;
  }

  async function load(argument) {
    const { module: url, folder, options } = argument.workload;
    const module = await imported(url);
    const context = Object.freeze({
      tf: globalThis.tf,
      options: Object.freeze({ ...options }),
      stage,
      asset: (name) => folder + name,
      loadModel: (asset) =>
        runtime.load(
          asset === undefined ? argument : { ...argument, model: folder + asset, layers: false },
        ),
    });
    try {
      return { module, state: await module.setup(context) };
    } catch (error) {
      throw failed("setup of the workload", error);
    }
  }

  function feed(workload, inputs) {
    const views = inputs.map(({ name, shape, dtype, bytes }) => {
      if (!(dtype in DTYPES)) throw new PageError("unsupported", `no array of ${dtype} (${name})`);
      return [name, { shape, dtype, values: new DTYPES[dtype](bytes) }];
    });
    return Object.fromEntries(views);
  }

  async function infer({ module, state }, inputs) {
    const at = iteration++;
    current = Object.create(null);
    try {
      const outputs = await module.run(state, { iteration: at, inputs });
      if (open !== null) throw new Error(`it ended inside the stage ${open}: await stage(…)`);
      records.push(current);
      return outputs;
    } catch (error) {
      throw failed(`run of the workload, iteration ${at}`, error);
    }
  }

  function described([name, values]) {
    const known = Object.entries(OUTPUTS).find(([, type]) => values instanceof type);
    if (!known) {
      throw failed("run of the workload", `its output ${name} is no Float32Array or Int32Array`);
    }
    return { name, shape: [values.length], dtype: known[0], values };
  }

  function describe(workload, outputs) {
    return Object.entries(outputs ?? {}).map(described);
  }

  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // Frames come at a steady rate and wait for nobody: whoever is late takes the newest.
  async function onSchedule(workload, inputs, { frames_per_second: rate, seconds }) {
    const due = Math.max(1, Math.floor(rate * seconds));
    const period = 1000 / rate;
    const began = performance.now();
    const elapsed = () => performance.now() - began;
    let taken = -1;
    let done = 0;
    for (let waits = 0; waits < due * MOST_WAITS_PER_FRAME; ) {
      const frame = Math.floor(elapsed() / period);
      if (frame >= due) return { frames_due: due, frames_done: done, elapsed_ms: elapsed() };
      if (frame === taken) {
        await sleep(Math.max(0, (taken + 1) * period - elapsed()));
        waits++;
        continue;
      }
      // Frames that were dropped are frames of the pipeline's source too.
      iteration += frame - taken - 1;
      await infer(workload, inputs);
      taken = frame;
      done++;
    }
    throw new PageError("below-timer-resolution", "the page's clock stands still");
  }

  function stagesOf(timed) {
    const names = new Set(records.flatMap((record) => Object.keys(record)));
    const kept = timed.batch_size === 1 ? records.slice(-timed.samples_ms.length) : [];
    return Object.fromEntries(
      [...names].map((name) => [name, kept.map((record) => record[name] ?? 0)]),
    );
  }

  async function finish(said, workload, inputs, argument) {
    const { schedule } = argument.workload;
    const stages = stagesOf(said.timed);
    said.workload = {
      stages_ms: stages,
      schedule: schedule ? await onSchedule(workload, inputs, schedule) : null,
    };
    try {
      await workload.module.teardown(workload.state);
    } catch (error) {
      throw failed("teardown of the workload", error);
    }
  }

  return { ...runtime, load, feed, infer, release() {}, describe, finish };
})(edgebench.runtime);
