// The measuring page. Nothing loads a runtime until the harness calls `edgebench.run(config)`, so
// that the same page before it is the baseline of the memory pass.
//
// The loop knows no runtime: an adapter of `runtimes/`, loaded among `config.scripts`, puts itself
// at `edgebench.runtime` with
//   start(argument)      make the runtime ready; resolves to the milliseconds that its start took,
//                        null where it has none of its own (fact `starts_with_load`)
//   load(argument)       load the model; resolves to it
//   feed(model, inputs)  make the model's inputs of [{name, shape, dtype, bytes}]
//   infer(model, feed)   one inference with its outputs read back; resolves to the answer
//   release(answer)      give its memory back
//   describe(model, answer)  [{name, shape, dtype, values}] of its outputs
//   kindOf(message)      optional: the kind of a failure by its words (`unsupported`), or null
//   facts()              what it saw, each null where it is not known
//   finish(said, model, feed, argument)  optional: what follows the timed loop
//
// `run` is called once per page, from one evaluate, and answers with JSON text: what was measured
// (milliseconds of performance.now()), what was seen, and `error` if it did not get to the end.
// All judging happens in the harness (harness/tools/measuring_page.py), where the answer's fields are
// written down. Everything here is bounded by counts, so that a clock that stands still ends it.
"use strict";

globalThis.edgebench = (() => {
  const TICK_PROBE_CALLS = 200_000;
  const TICK_PROBE_STEPS = 20;
  const TICKS_PER_SAMPLE = 100;
  const MOST_PER_BATCH = 100_000;
  // The shortest of these says how long an iteration is: the others may have had to wait.
  const RECENT_WARMUPS = 10;
  const DTYPES = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

  const blocked = [];
  // In Node there is no document: node_page.cjs refuses what is of elsewhere, and loads scripts.
  globalThis.document?.addEventListener("securitypolicyviolation", (event) => blocked.push(event.blockedURI));

  class PageError extends Error {
    constructor(kind, message) {
      super(message);
      this.kind = kind;
    }
  }

  // The smallest step that the clock was seen to make, or null if it made none.
  function clockTick() {
    let smallest = null;
    let steps = 0;
    let before = performance.now();
    for (let call = 0; call < TICK_PROBE_CALLS && steps < TICK_PROBE_STEPS; call++) {
      const after = performance.now();
      if (after > before) {
        smallest = smallest === null ? after - before : Math.min(smallest, after - before);
        steps++;
      }
      before = after;
    }
    return smallest;
  }

  // A module's exports are kept at `edgebench.modules`, by its file's name.
  async function loadModule(url) {
    const name = url.split("/").pop().replace(/\.mjs$/, "");
    edgebench.modules[name] = await import(url);
  }

  function loadScript(url) {
    if (url.endsWith(".mjs")) return loadModule(url);
    if (globalThis.edgebenchLoadScript) return edgebenchLoadScript(url);
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => resolve();
      script.onerror = () => reject(new PageError("page-error", `cannot load ${url}`));
      document.head.append(script);
    });
  }

  async function fetchInputs(inputs) {
    return Promise.all(
      inputs.map(async (input) => {
        const answer = await fetch(input.url);
        if (!answer.ok) throw new PageError("page-error", `cannot fetch ${input.url}`);
        return { ...input, bytes: await answer.arrayBuffer() };
      }),
    );
  }

  function base64(values) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) {
      text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    }
    return btoa(text);
  }

  function describe(runtime, model, answer) {
    return runtime.describe(model, answer).map(({ name, shape, dtype, values }) => {
      if (!(dtype in DTYPES)) {
        throw new PageError("unsupported", `an output of ${dtype} cannot be checked`);
      }
      return { name, shape, dtype, base64: base64(values) };
    });
  }

  async function warmUp(runtime, model, feed, { iterations, seconds }) {
    const recent = [];
    const began = performance.now();
    let done = 0;
    let now = began;
    while (done < iterations || now - began < seconds * 1000) {
      const start = performance.now();
      runtime.release(await runtime.infer(model, feed));
      now = performance.now();
      recent.push(now - start);
      if (recent.length > RECENT_WARMUPS) recent.shift();
      done++;
    }
    return {
      iterations: done,
      elapsed_ms: now - began,
      shortest_ms: recent.length ? Math.min(...recent) : null,
    };
  }

  function batchSize(tick, iterationMs) {
    if (tick === null || iterationMs >= TICKS_PER_SAMPLE * tick) return 1;
    // An iteration below the clock's tick may read as 0; a whole tick is its upper bound, so the
    // batch that is found is at worst too short, and `timed` lengthens it.
    return Math.ceil((TICKS_PER_SAMPLE * tick) / Math.max(iterationMs, tick));
  }

  async function timeOne(runtime, model, feed) {
    const start = performance.now();
    const answer = await runtime.infer(model, feed);
    const took = performance.now() - start;
    runtime.release(answer);
    return took;
  }

  // In a batch, releasing is inside the clock: keeping all outputs would change what is measured.
  async function timeBatch(runtime, model, feed, batch) {
    const start = performance.now();
    for (let i = 0; i < batch; i++) runtime.release(await runtime.infer(model, feed));
    return performance.now() - start;
  }

  async function longEnoughBatch(runtime, model, feed, tick, batch) {
    while (batch > 1) {
      const took = await timeBatch(runtime, model, feed, batch);
      if (took >= TICKS_PER_SAMPLE * tick) break;
      if (batch >= MOST_PER_BATCH) {
        throw new PageError("below-timer-resolution", "an inference is too short for this clock");
      }
      batch = Math.min(MOST_PER_BATCH, batch * 2);
    }
    return batch;
  }

  async function timed(runtime, model, feed, tick, shortest, { iterations, max_seconds: maxSeconds }) {
    const guess = batchSize(tick, shortest ?? (await timeOne(runtime, model, feed)));
    const batch = await longEnoughBatch(runtime, model, feed, tick, guess);
    const samples = [];
    const began = performance.now();
    do {
      samples.push(
        batch === 1
          ? await timeOne(runtime, model, feed)
          : (await timeBatch(runtime, model, feed, batch)) / batch,
      );
    } while (samples.length < iterations && performance.now() - began < maxSeconds * 1000);
    return { samples_ms: samples, batch_size: batch, elapsed_ms: performance.now() - began };
  }

  async function measure(config, said) {
    said.clock_tick_ms = clockTick();
    const began = performance.now();
    for (const url of config.scripts) await loadScript(url);
    said.scripts_ms = performance.now() - began;
    const runtime = edgebench.runtime;
    said.init_ms = await runtime.start(config.runtime);

    const sets = [];
    for (const inputs of config.input_sets) sets.push(await fetchInputs(inputs));
    const loading = performance.now();
    const model = await runtime.load(config.runtime);
    said.load_ms = performance.now() - loading;

    const feeds = [];
    for (const set of sets) feeds.push(await runtime.feed(model, set));
    // Memory is read after this call has returned: the model must still be alive then.
    edgebench.held = { model, feeds };
    const starting = performance.now();
    const first = await runtime.infer(model, feeds[0]);
    said.first_inference_ms = performance.now() - starting;
    if (performance.now() === began) {
      throw new PageError("below-timer-resolution", "the page's clock stands still");
    }
    said.output_sets.push(describe(runtime, model, first));
    runtime.release(first);

    if (config.pass === "reference" || config.pass === "quality") {
      for (const feed of feeds.slice(1)) {
        const next = await runtime.infer(model, feed);
        said.output_sets.push(describe(runtime, model, next));
        runtime.release(next);
      }
      return;
    }
    said.warmup = await warmUp(runtime, model, feeds[0], config.warmup);
    if (config.pass !== "latency") return;
    said.timed = await timed(
      runtime, model, feeds[0], said.clock_tick_ms, said.warmup.shortest_ms, config.timed,
    );
    await runtime.finish?.(said, model, feeds[0], config.runtime);
  }

  // What cannot be told stays null: a page that failed early knows less.
  function known(question) {
    try {
      return question() ?? null;
    } catch {
      return null;
    }
  }

  function facts() {
    return {
      cross_origin_isolated: globalThis.crossOriginIsolated === true,
      shared_array_buffer: typeof SharedArrayBuffer === "function",
      hardware_concurrency: known(() => navigator.hardwareConcurrency),
      hardware_concurrency_real: known(() => edgebenchRealCores),
      user_agent: navigator.userAgent,
      blocked,
      wasm_fetched: performance
        .getEntriesByType("resource")
        .filter((entry) => entry.name.endsWith(".wasm"))
        .map((entry) => entry.name.split("/").pop()),
      ...known(() => edgebench.runtime.facts()),
    };
  }

  // Runtimes may know their own words for what they cannot do.
  function kindOf(error) {
    return known(() => edgebench.runtime.kindOf(String(error?.message ?? error))) ?? "page-error";
  }

  async function run(config) {
    const said = {
      schema: 1,
      pass: config.pass,
      clock_tick_ms: null,
      scripts_ms: null,
      init_ms: null,
      load_ms: null,
      first_inference_ms: null,
      warmup: null,
      timed: null,
      output_sets: [],
      workload: null,
      error: null,
    };
    try {
      await measure(config, said);
    } catch (error) {
      // Runtimes also throw plain objects, and strings.
      said.error = {
        kind: error instanceof PageError ? error.kind : kindOf(error),
        message: String(error?.message ?? error),
        stack: String(error?.stack ?? ""),
      };
    }
    said.facts = facts();
    return JSON.stringify(said);
  }

  // A fixed amount of work on the page's main thread, by which its process is recognised.
  function burn(turns) {
    let x = 1;
    for (let i = 0; i < turns; i++) x = (x * 31 + i) | 0;
    return x;
  }

  return { run, burn, PageError, known, DTYPES, modules: {}, runtime: null, held: null };
})();
