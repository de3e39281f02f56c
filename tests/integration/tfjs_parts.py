"""A page with TF.js and models in a real Chromium, without the harness around them."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.locations import node_modules

RUN = """async ({name, wasm, inputs}) => {
  tf.env().set('WASM_HAS_SIMD_SUPPORT', wasm === 'simd');
  tf.wasm.setWasmPaths('/tfjs-backend-wasm/dist/');
  await tf.setBackend('wasm');
  const model = await tf.loadGraphModel(`/models/${name}/model.json`);
  const tensors = inputs.map(
    ({shape, dtype, values}) => tf.tensor(values, shape, dtype));
  let outputs;
  const profile = await tf.profile(() => { outputs = [model.predict(tensors)].flat(); });
  // A fused kernel is reported twice, once under the name of the operation around it.
  const kernels = profile.kernelNames.filter((kernel) => !kernel.endsWith('__op'));
  return {
    inputs: model.inputNodes,
    outputs: await Promise.all(
      outputs.map(async (o) => ({shape: o.shape, values: Array.from(await o.data())}))),
    names: model.outputNodes,
    kernels,
    unsupported: kernels.filter((kernel) => !tf.getKernel(kernel, 'wasm')),
    binary: performance.getEntriesByType('resource').map((e) => e.name.split('/').pop())
      .filter((n) => n.endsWith('.wasm')),
  };
}"""


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm"}  # noqa: RUF012  as the base class has it

    def log_message(self, *args: object) -> None:
        return


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def tfjs_site(folder: Path, models: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """Serve a page that has TF.js loaded, and models (name → files) under `/models/`."""
    scripts = []
    for package, file in [
        ("tfjs-core", "tf-core.min.js"),
        ("tfjs-converter", "tf-converter.min.js"),
        ("tfjs-backend-wasm", "tf-backend-wasm.min.js"),
    ]:
        source = node_modules() / "@tensorflow" / package / "dist"
        if not (source / file).is_file():
            missing(f"{source / file} (npm ci)")
        (folder / package).mkdir()
        (folder / package / "dist").symlink_to(source)
        scripts.append(f"<script src='/{package}/dist/{file}'></script>")
    (folder / "index.html").write_text(f"<!doctype html>{''.join(scripts)}")
    for name, files in models.items():
        (folder / "models" / name).mkdir(parents=True)
        for file, data in files.items():
            (folder / "models" / name / file).write_bytes(data)
    with served(folder) as url:
        yield url


@contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "microsoft-edge")
    program = next(filter(None, map(shutil.which, names)), None)
    if not program:
        missing("a Chromium (apt-get install chromium)")
    quiet = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", *quiet]
        )
        yield launched
        launched.close()


def missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")
