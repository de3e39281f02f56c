// Node as a place to measure: answers one JSON line on stdout for each on stdin, so that the same
// measuring loop (bench.js) runs here as in a page. Started by harness/transports/node.py as
//   node --expose-gc node_page.cjs NODE_MODULES
//
// Lines in:  {init: [TEXT]} · {goto: URL} · {evaluate: TEXT, argument: JSON} · {gc: true}
// Lines out: {answer: JSON} or {failed: {kind, message}} for each of them, and in between
//            {console: TEXT}, {error: TEXT}, {foreign: URL}
"use strict";

const { createHash } = require("node:crypto");
const { createRequire } = require("node:module");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");
const { format } = require("node:util");
const vm = require("node:vm");

// Stdout is a pipe: what is written there is written at once.
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

for (const level of ["debug", "log", "info", "warn", "error"]) {
  console[level] = (...all) => say({ console: `${level}: ${format(...all)}` });
}
process.on("unhandledRejection", (reason) => say({ error: String(reason?.stack ?? reason) }));
process.on("uncaughtException", (error) => say({ error: String(error?.stack ?? error) }));

// Newer versions of Node have a navigator of their own.
Object.defineProperty(globalThis, "navigator", {
  configurable: true,
  value: { userAgent: `Node.js/${process.version}`, hardwareConcurrency: os.availableParallelism() },
});

// Scripts of runtimes find their packages where npm put them.
globalThis.edgebenchRequire = createRequire(path.join(path.resolve(process.argv[2]), "any.js"));

// What Wasm module ran: the bytes that were given to the engine, whoever read them from where.
const instantiated = [];
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = (source, imports) => {
  if (!(source instanceof WebAssembly.Module)) instantiated.push(source);
  return instantiate(source, imports);
};
globalThis.edgebenchInstantiated = () =>
  instantiated.map((bytes) => createHash("sha256").update(new Uint8Array(bytes)).digest("hex"));

let origin = null;
const fetchAnywhere = globalThis.fetch;
globalThis.fetch = async (resource, options) => {
  const url = new URL(resource.url ?? resource);
  if (url.origin === origin) return fetchAnywhere(resource, options);
  say({ foreign: url.href });
  throw new TypeError(`${url.href} is not of ${origin}`);
};

async function text(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer.text();
}

globalThis.edgebenchLoadScript = async (url) => {
  vm.runInThisContext(await text(url), { filename: url });
};

// Of a page, Node has its scripts.
async function goto(url) {
  origin = new URL(url).origin;
  const page = await text(url);
  for (const [, source] of page.matchAll(/<script src="([^"]+)"/g)) {
    await globalThis.edgebenchLoadScript(new URL(source, url).href);
  }
  return null;
}

async function obey(line) {
  if ("goto" in line) return goto(line.goto);
  if ("evaluate" in line) {
    return vm.runInThisContext(`(${line.evaluate})`, { filename: "evaluate" })(line.argument);
  }
  if ("gc" in line) return globalThis.gc(), null;
  for (const script of line.init) vm.runInThisContext(script, { filename: "init-script" });
  return null;
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  try {
    say({ answer: (await obey(JSON.parse(line))) ?? null });
  } catch (error) {
    say({ failed: String(error?.stack ?? error) });
  }
}).on("close", () => process.exit(0));

say({ answer: process.version });
