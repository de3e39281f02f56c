// The adapter of onnxruntime-web: see bench.js for what an adapter does.
//
// `argument` is {loader, binary, model, threads, provider}, from harness/drivers/web_onnx.py.
"use strict";

edgebench.runtime = (() => {
  const { PageError, known } = edgebench;
  const DTYPES = {
    float32: Float32Array,
    float64: Float64Array,
    int8: Int8Array,
    int16: Int16Array,
    int32: Int32Array,
    int64: BigInt64Array,
    uint8: Uint8Array,
    uint16: Uint16Array,
    bool: Uint8Array,
  };
  let session = null;
  let provider = null;

  // The library keeps its heap to itself; it makes it through this constructor, threads or not.
  const memories = [];
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, all) {
      const memory = new target(...all);
      memories.push(memory);
      return memory;
    },
  });

  // The library has no start of its own: it starts with its first session, in `load`.
  function start({ loader, binary, threads }) {
    ort.env.wasm.wasmPaths = { mjs: loader, wasm: binary };
    ort.env.wasm.numThreads = threads;
    return null;
  }

  async function load({ model, provider: allowed }) {
    provider = allowed;
    session = await ort.InferenceSession.create(model, { executionProviders: [provider] });
    return session;
  }

  // By name where the model has these names, else by position.
  function feed(model, inputs) {
    const names = model.inputNames;
    if (names.length !== inputs.length) {
      throw new PageError("page-error", `the model has ${names.length} inputs, not ${inputs.length}`);
    }
    const byName = new Map(inputs.map((input) => [input.name, input]));
    const fed = {};
    names.forEach((name, position) => {
      const { shape, dtype, bytes } = byName.get(name) ?? inputs[position];
      if (!(dtype in DTYPES)) {
        throw new PageError("unsupported", `onnxruntime-web is not fed ${dtype} here (${name})`);
      }
      fed[name] = new ort.Tensor(dtype, new DTYPES[dtype](bytes), shape);
    });
    return fed;
  }

  async function infer(model, fed) {
    const answer = await model.run(fed);
    const outputs = model.outputNames.map((name) => answer[name]);
    return { outputs, values: await Promise.all(outputs.map((output) => output.getData())) };
  }

  function release({ outputs }) {
    for (const output of outputs) output.dispose();
  }

  function describe(model, { outputs, values }) {
    return model.outputNames.map((name, index) => ({
      name,
      shape: [...outputs[index].dims],
      dtype: outputs[index].type,
      values: values[index],
    }));
  }

  function facts() {
    return {
      starts_with_load: true,
      // The one provider that it was allowed; it refuses a model rather than take another.
      backend: session === null ? null : provider,
      threads: session === null ? null : 1 + edgebench.runningWorkers(),
      threads_told: known(() => ort.env.wasm.numThreads),
      wasm_heap_bytes: memories.length
        ? memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0)
        : null,
      wasm_heap_shared: known(() => memories.at(-1).buffer instanceof SharedArrayBuffer),
      versions: known(() => ({ ...ort.env.versions })) ?? {},
    };
  }

  return { start, load, feed, infer, release, describe, facts };
})();
