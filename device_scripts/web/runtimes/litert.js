// The adapter of LiteRT.js: see bench.js for what an adapter does.
//
// `argument` is {loader, model, threads, accelerator}, from harness/drivers/web_litert.py. The
// library itself, an ES module, is loaded after this script, at `edgebench.modules.litert`.
"use strict";

// The library names its only dependency as bundlers do.
document.head.append(
  Object.assign(document.createElement("script"), {
    type: "importmap",
    textContent: JSON.stringify({
      imports: {
        "@litertjs/wasm-utils": new URL("../litert/wasm-utils.mjs", document.currentScript.src).href,
      },
    }),
  }),
);

edgebench.runtime = (() => {
  const { PageError, known } = edgebench;
  const DTYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };
  let library = null;
  let started = null;
  let compiled = null;

  async function start({ loader }) {
    library = edgebench.modules.litert;
    const began = performance.now();
    // The loader of one build, not the folder of all: no choice is left to what the browser can do.
    started = await library.loadLiteRt(loader);
    return performance.now() - began;
  }

  async function load({ model, threads, accelerator }) {
    const cpuOptions = threads === null ? {} : { cpuOptions: { numThreads: threads } };
    compiled = await library.loadAndCompile(model, { accelerator, ...cpuOptions });
    return compiled;
  }

  // By name where the model's signature has these names, else by position.
  function feed(model, inputs) {
    const details = model.getInputDetails();
    if (details.length !== inputs.length) {
      throw new PageError("page-error", `the model has ${details.length} inputs, not ${inputs.length}`);
    }
    const byName = new Map(inputs.map((input) => [input.name, input]));
    return details.map((detail, position) => {
      const { shape, dtype, bytes } = byName.get(detail.name) ?? inputs[position];
      if (!(dtype in DTYPES)) {
        throw new PageError("unsupported", `LiteRT.js has no tensors of ${dtype} (${detail.name})`);
      }
      return new library.Tensor(new DTYPES[dtype](bytes), shape);
    });
  }

  async function infer(model, fed) {
    const outputs = await model.run(fed);
    return { outputs, values: await Promise.all(outputs.map((output) => output.data())) };
  }

  function release({ outputs }) {
    for (const output of outputs) output.delete();
  }

  function describe(model, { values }) {
    return model.getOutputDetails().map(({ name, shape, dtype }, index) => ({
      name,
      shape: [...shape],
      dtype,
      values: values[index],
    }));
  }

  function facts() {
    const heap = known(() => started.liteRtWasm.HEAPU8.buffer);
    return {
      backend: known(() => compiled.options.accelerator),
      fully_accelerated: known(() => compiled.isFullyAccelerated),
      threads: compiled === null ? null : 1 + edgebench.runningWorkers(),
      threads_told: known(() => compiled.options.cpuOptions.numThreads),
      wasm_heap_bytes: known(() => heap.byteLength),
      wasm_heap_shared: known(() => heap instanceof SharedArrayBuffer),
    };
  }

  return { start, load, feed, infer, release, describe, facts };
})();
