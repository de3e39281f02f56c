// The measuring page. Nothing loads TF.js until the harness calls `edgebench.run(config)`, so that
// the same page before it is the baseline of the memory pass.
//
// `run` is called once per page, from one evaluate, and answers with JSON text: what was measured
// (milliseconds of performance.now()), what was seen, and `error` if it did not get to the end.
// All judging happens in the harness (harness/tools/tfjs_page.py), where the answer's fields are
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
  document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.blockedURI));

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

  function loadScript(url) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => resolve();
      script.onerror = () => reject(new PageError("page-error", `cannot load ${url}`));
      document.head.append(script);
    });
  }

  async function startBackend(config) {
    for (const [flag, value] of Object.entries(config.flags)) tf.env().set(flag, value);
    if (config.backend === "wasm") {
      tf.wasm.setWasmPaths(config.wasm_folder);
      if (config.threads !== null) tf.wasm.setThreadsCount(config.threads);
    }
    const began = performance.now();
    const started = await tf.setBackend(config.backend);
    await tf.ready();
    const took = performance.now() - began;
    if (!started || tf.getBackend() !== config.backend) {
      throw new PageError("page-error", `the ${config.backend} back end did not start`);
    }
    return took;
  }

  // The names that a graph model answers to: its nodes, and the keys of its signature.
  function inputNames(model) {
    const names = new Map(model.inputNodes.map((node) => [node, node]));
    for (const [key, info] of Object.entries(model.modelSignature?.inputs ?? {})) {
      const node = (info.name ?? key).replace(/:\d+$/, "");
      if (model.inputNodes.includes(node)) names.set(key, node).set(info.name, node);
    }
    return names;
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

  function feedOf(model, fetched) {
    const names = inputNames(model);
    const feed = {};
    for (const { name, shape, dtype, bytes } of fetched) {
      const node = names.get(name) ?? (fetched.length === 1 && model.inputNodes.length === 1
        ? model.inputNodes[0]
        : undefined);
      if (node === undefined) {
        const known = model.inputNodes.join(", ");
        throw new PageError("page-error", `the model has no input ${name}; it has ${known}`);
      }
      if (!(dtype in DTYPES)) {
        throw new PageError("unsupported", `TF.js has no tensors of ${dtype} (input ${name})`);
      }
      feed[node] = tf.tensor(new DTYPES[dtype](bytes), shape, dtype);
    }
    return feed;
  }

  function asList(answer) {
    if (answer instanceof tf.Tensor) return [answer];
    return Array.isArray(answer) ? answer : Object.values(answer);
  }

  function readBack(outputs) {
    return outputs.length === 1
      ? outputs[0].data().then((values) => [values])
      : Promise.all(outputs.map((output) => output.data()));
  }

  async function infer(model, feed) {
    const outputs = asList(model.predict(feed));
    return { outputs, values: await readBack(outputs) };
  }

  function base64(values) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000) {
      text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    }
    return btoa(text);
  }

  function describe(model, { outputs, values }) {
    return outputs.map((output, index) => {
      if (!(output.dtype in DTYPES)) {
        throw new PageError("unsupported", `an output of ${output.dtype} cannot be checked`);
      }
      return {
        name: model.outputNodes[index] ?? `output ${index}`,
        shape: output.shape,
        dtype: output.dtype,
        base64: base64(values[index]),
      };
    });
  }

  async function warmUp(model, feed, { iterations, seconds }) {
    const recent = [];
    const began = performance.now();
    let done = 0;
    let now = began;
    while (done < iterations || now - began < seconds * 1000) {
      const start = performance.now();
      tf.dispose((await infer(model, feed)).outputs);
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

  async function timeOne(model, feed) {
    const start = performance.now();
    const { outputs } = await infer(model, feed);
    const took = performance.now() - start;
    tf.dispose(outputs);
    return took;
  }

  // In a batch, disposing is inside the clock: keeping all outputs would change what is measured.
  async function timeBatch(model, feed, batch) {
    const start = performance.now();
    for (let i = 0; i < batch; i++) tf.dispose((await infer(model, feed)).outputs);
    return performance.now() - start;
  }

  async function longEnoughBatch(model, feed, tick, batch) {
    while (batch > 1) {
      const took = await timeBatch(model, feed, batch);
      if (took >= TICKS_PER_SAMPLE * tick) break;
      if (batch >= MOST_PER_BATCH) {
        throw new PageError("below-timer-resolution", "an inference is too short for this clock");
      }
      batch = Math.min(MOST_PER_BATCH, batch * 2);
    }
    return batch;
  }

  async function timed(model, feed, tick, shortest, { iterations, max_seconds: maxSeconds }) {
    const guess = batchSize(tick, shortest ?? (await timeOne(model, feed)));
    const batch = await longEnoughBatch(model, feed, tick, guess);
    const samples = [];
    const began = performance.now();
    do {
      samples.push(
        batch === 1
          ? await timeOne(model, feed)
          : (await timeBatch(model, feed, batch)) / batch,
      );
    } while (samples.length < iterations && performance.now() - began < maxSeconds * 1000);
    return { samples_ms: samples, batch_size: batch, elapsed_ms: performance.now() - began };
  }

  async function measure(config, said) {
    said.clock_tick_ms = clockTick();
    const began = performance.now();
    for (const url of config.scripts) await loadScript(url);
    said.scripts_ms = performance.now() - began;
    said.init_ms = await startBackend(config);

    const sets = [];
    for (const inputs of config.input_sets) sets.push(await fetchInputs(inputs));
    const loading = performance.now();
    const model = await tf.loadGraphModel(config.model);
    said.load_ms = performance.now() - loading;

    const feeds = sets.map((set) => feedOf(model, set));
    // Memory is read after this call has returned: the model must still be alive then.
    edgebench.held = { model, feeds };
    const starting = performance.now();
    const first = await infer(model, feeds[0]);
    said.first_inference_ms = performance.now() - starting;
    if (performance.now() === began) {
      throw new PageError("below-timer-resolution", "the page's clock stands still");
    }
    said.output_sets.push(describe(model, first));
    tf.dispose(first.outputs);

    if (config.pass === "reference") {
      for (const feed of feeds.slice(1)) {
        const next = await infer(model, feed);
        said.output_sets.push(describe(model, next));
        tf.dispose(next.outputs);
      }
      return;
    }
    said.warmup = await warmUp(model, feeds[0], config.warmup);
    if (config.pass !== "latency") return;
    said.timed = await timed(
      model, feeds[0], said.clock_tick_ms, said.warmup.shortest_ms, config.timed,
    );
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
      backend: known(() => tf.getBackend()),
      threads: known(() => tf.wasm.getThreadsCount()),
      cross_origin_isolated: globalThis.crossOriginIsolated === true,
      shared_array_buffer: typeof SharedArrayBuffer === "function",
      hardware_concurrency: known(() => navigator.hardwareConcurrency),
      hardware_concurrency_real: known(() => edgebenchRealCores),
      user_agent: navigator.userAgent,
      simd_flag: known(() => tf.env().get("WASM_HAS_SIMD_SUPPORT")),
      multithread_flag: known(() => tf.env().get("WASM_HAS_MULTITHREAD_SUPPORT")),
      wasm_heap_bytes: known(() => tf.backend().wasm.HEAPU8.buffer.byteLength),
      wasm_heap_shared: known(
        () => tf.backend().wasm.HEAPU8.buffer instanceof SharedArrayBuffer,
      ),
      tf_num_bytes: known(() => tf.memory().numBytes),
      tf_num_tensors: known(() => tf.memory().numTensors),
      tf_memory_unreliable: known(() => tf.memory().unreliable === true),
      versions: {
        core: known(() => tf.version_core),
        converter: known(() => tf.version_converter),
        wasm: known(() => tf.wasm.version_wasm),
        cpu: known(() => tf.version_cpu),
      },
      blocked,
      wasm_fetched: performance
        .getEntriesByType("resource")
        .filter((entry) => entry.name.endsWith(".wasm"))
        .map((entry) => entry.name.split("/").pop()),
    };
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
      error: null,
    };
    try {
      await measure(config, said);
    } catch (error) {
      // TF.js also throws plain objects, and strings.
      said.error = {
        kind: error instanceof PageError ? error.kind : "page-error",
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

  return { run, burn, held: null };
})();
