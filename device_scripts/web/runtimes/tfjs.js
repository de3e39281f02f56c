// The adapter of TF.js graph and layers models: see bench.js for what an adapter does.
//
// `argument` is {backend, flags, threads, wasm_folder, model, layers}, from
// harness/tools/tfjs_page.py; `layers` says that the model is a layers model.
"use strict";

edgebench.runtime = (() => {
  const { PageError, DTYPES, known } = edgebench;
  let nothingForced = null;
  let binaries = {};

  // What a page of anyone's would have: no flag, no number of threads, the cores that there are.
  function asShipped(flags, threads) {
    const cores = globalThis.edgebenchRealCores ?? navigator.hardwareConcurrency;
    const untouched = cores === navigator.hardwareConcurrency;
    return untouched && Object.keys(flags).length === 0 && threads === null;
  }

  async function start({ backend, flags, threads, wasm_folder: wasmFolder, binaries: named }) {
    binaries = named ?? {};
    nothingForced = asShipped(flags, threads);
    for (const [flag, value] of Object.entries(flags)) tf.env().set(flag, value);
    if (backend === "wasm") {
      tf.wasm.setWasmPaths(wasmFolder);
      if (threads !== null) tf.wasm.setThreadsCount(threads);
    }
    const began = performance.now();
    const started = await tf.setBackend(backend);
    await tf.ready();
    const took = performance.now() - began;
    if (!started || tf.getBackend() !== backend) {
      throw new PageError("page-error", `the ${backend} back end did not start`);
    }
    return took;
  }

  // TF.js asks for all weight files before it reads any; more than the six that a browser fetches
  // at once from one host would wait forever for those, once their buffers are full.
  async function readWhole(url, options) {
    const answer = await fetch(url, options);
    return new Response(await answer.arrayBuffer(), answer);
  }

  function load({ model, layers }) {
    const how = { fetchFunc: readWhole };
    return layers ? tf.loadLayersModel(model, how) : tf.loadGraphModel(model, how);
  }

  // What a model takes, in its own order: nodes of a graph, or input layers.
  function inputsOf(model) {
    return model.inputNodes ?? model.inputs.map((input) => input.sourceLayer.name);
  }

  // The names that a model answers to: its inputs, and of a graph the keys of its signature.
  function inputNames(model) {
    if (!model.inputNodes) return new Map(inputsOf(model).map((name) => [name, name]));
    const names = new Map(model.inputNodes.map((node) => [node, node]));
    for (const [key, info] of Object.entries(model.modelSignature?.inputs ?? {})) {
      const node = (info.name ?? key).replace(/:\d+$/, "");
      if (model.inputNodes.includes(node)) names.set(key, node).set(info.name, node);
    }
    return names;
  }

  function feed(model, inputs) {
    const taken = inputsOf(model);
    const names = inputNames(model);
    const fed = {};
    for (const { name, shape, dtype, bytes } of inputs) {
      const node = names.get(name) ?? (inputs.length === 1 && taken.length === 1
        ? taken[0]
        : undefined);
      if (node === undefined) {
        const has = taken.join(", ");
        throw new PageError("page-error", `the model has no input ${name}; it has ${has}`);
      }
      if (!(dtype in DTYPES)) {
        throw new PageError("unsupported", `TF.js has no tensors of ${dtype} (input ${name})`);
      }
      fed[node] = tf.tensor(new DTYPES[dtype](bytes), shape, dtype);
    }
    // A layers model takes a list in its own order, not names.
    return model.inputNodes ? fed : taken.map((name) => fed[name]);
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

  // A graph whose shapes depend on its data cannot be executed by `predict`, which says so.
  let dynamic = false;
  function predicted(model, fed) {
    if (dynamic) return model.executeAsync(fed);
    try {
      return model.predict(fed);
    } catch (error) {
      if (!String(error?.message).includes("executeAsync()")) throw error;
      dynamic = true;
      return model.executeAsync(fed);
    }
  }

  async function infer(model, fed) {
    const answer = predicted(model, fed);
    const outputs = asList(dynamic ? await answer : answer);
    return { outputs, values: await readBack(outputs) };
  }

  function release({ outputs }) {
    tf.dispose(outputs);
  }

  function describe(model, { outputs, values }) {
    const names = model.outputNodes ?? model.outputs.map((output) => output.name);
    return outputs.map((output, index) => ({
      name: names[index] ?? `output ${index}`,
      shape: output.shape,
      dtype: output.dtype,
      values: values[index],
    }));
  }

  // What TF.js says of an operator that it, or the back end, lacks.
  function kindOf(message) {
    return /not registered for backend|^Unknown op |not (yet )?supported/.test(message)
      ? "unsupported"
      : null;
  }

  // Which GPU it is, as its driver calls itself, and whether WebGPU says that it is none.
  function gpu() {
    if (tf.getBackend() === "webgl") {
      const { gl } = tf.backend().gpgpu;
      const names = gl.getExtension("WEBGL_debug_renderer_info");
      return { gpu_renderer: gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER) };
    }
    if (tf.getBackend() !== "webgpu") return {};
    const info = tf.backend().device.adapterInfo ?? tf.backend().adapterInfo;
    const words = [info.vendor, info.architecture, info.device, info.description];
    return {
      gpu_renderer: words.filter(Boolean).join(" ") || null,
      gpu_fallback: info.isFallbackAdapter ?? null,
    };
  }

  function facts() {
    return {
      ...known(gpu),
      // In Node, where no server sees it: the hashes of what was given to the engine.
      wasm_instantiated: known(() => edgebenchInstantiated()),
      wasm_binary: known(() => edgebenchInstantiated().map((hash) => binaries[hash]).join(", ")),
      tf_gpu_bytes: known(() => tf.memory().numBytesInGPU),
      backend: known(() => tf.getBackend()),
      execution: dynamic ? "executeAsync" : "predict",
      threads: known(() => tf.wasm.getThreadsCount()),
      as_shipped: nothingForced,
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
        layers: known(() => tf.version_layers),
        wasm: known(() => tf.wasm.version_wasm),
        cpu: known(() => tf.version_cpu),
      },
    };
  }

  return { start, load, feed, infer, release, describe, facts, kindOf };
})();
