// TF.js as a program in Node has it: the packages' own builds for Node, from npm's folder. The
// adapter `tfjs.js`, loaded after this, is told by `argument.binaries` ({sha256: file name}) what
// the Wasm module is called that was seen to be instantiated.
"use strict";

globalThis.tf = {
  ...edgebenchRequire("@tensorflow/tfjs-core"),
  ...edgebenchRequire("@tensorflow/tfjs-converter"),
  wasm: edgebenchRequire("@tensorflow/tfjs-backend-wasm"),
  loadLayersModel: (url) => edgebenchRequire("@tensorflow/tfjs-layers").loadLayersModel(url),
};
