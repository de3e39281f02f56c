"""A real browser, and a model small enough to be written here, for the tests that need them."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import TargetNotFound
from harness.model import Capture, Cell, Pass, Tensor
from harness.options import Sampling, Timed, Warmup
from harness.plugins import ModelFile, RunRequest, TargetSpec
from harness.transports.browser_discovery import find
from harness.web_lane.session import WebSession

QUICK = Sampling(
    warmup=Warmup(iterations=5, seconds=0.0),
    timed=Timed(iterations=10, max_seconds=5.0),
    timeout_s=60.0,
)
WEIGHTS = ((1.0, -2.0), (0.5, 4.0), (-3.0, 0.25))
INPUT = (1.0, 2.0, 3.0)
FLOAT = {"type": "DT_FLOAT"}


# Chromium's and Firefox's processes by what stands in their command lines.
BROWSER_WORDS = {"--type", "--user-data-dir", "-contentproc", "--profile"}
WEBKITGTK_PROGRAMS = {
    "MiniBrowser",
    "WebKitNetworkProcess",
    "WebKitWebDriver",
    "WebKitWebProcess",
    "Xvfb",
}


def require(browser: str) -> None:
    """Where a browser is missing, fail in CI and skip elsewhere."""
    try:
        find(browser)
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")


@contextmanager
def web_session(folder: Path, **options: Any) -> Iterator[WebSession]:
    """An opened target; where there is no browser or TF.js, fail in CI and skip elsewhere."""
    try:
        session = PLUGIN.open(TargetSpec("web", PLUGIN.target_options(**options), {}, folder))
    except TargetNotFound as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(f"{error}: {error.hint}")
    assert isinstance(session, WebSession)
    try:
        yield session
    finally:
        session.close()


def run(
    session: WebSession,
    model: ModelFile,
    *,
    pass_: Pass = "latency",
    sampling: Sampling = QUICK,
    inputs: tuple[Tensor, ...] | None = None,
    window: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    **variant: Any,
) -> Capture:
    """Make one run of a variant and return what it left."""
    request = RunRequest(
        run_id="l000-test-a1",
        cell=Cell("tiny", "fp32", "web", "variant"),
        pass_=pass_,
        block=0,
        variant=PLUGIN.variant_options(**variant),
        model=model,
        inputs=(tensor("x", INPUT),) if inputs is None else inputs,
        sampling=sampling,
        window=window,
    )
    return session.execute(request)


def tensor(name: str, values: tuple[float, ...]) -> Tensor:
    return Tensor(name, (1, len(values)), "float32", struct.pack(f"<{len(values)}f", *values))


def floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def tiny_model(folder: Path) -> ModelFile:
    """Write a graph model of one matrix product, `y = x · WEIGHTS`."""
    folder.mkdir(exist_ok=True)
    rows, columns = len(WEIGHTS), len(WEIGHTS[0])
    weights = struct.pack(f"<{rows * columns}f", *(value for row in WEIGHTS for value in row))
    attributes = {"T": FLOAT, "transpose_a": {"b": False}, "transpose_b": {"b": False}}
    nodes = [
        {"name": "x", "op": "Placeholder", "attr": {"dtype": FLOAT, "shape": _shape(1, rows)}},
        {"name": "w", "op": "Const", "attr": {"dtype": FLOAT, "shape": _shape(rows, columns)}},
        {"name": "y", "op": "MatMul", "input": ["x", "w"], "attr": attributes},
    ]
    weight = {"name": "w", "shape": [rows, columns], "dtype": "float32"}
    described = {
        "format": "graph-model",
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": [weight]}],
    }
    path = folder / "model.json"
    path.write_text(json.dumps(described))
    (folder / "group1-shard1of1.bin").write_bytes(weights)
    digest = sha256(path.read_bytes()).hexdigest()
    return ModelFile("tfjs", path, digest, path.stat().st_size + len(weights))


def renaming_fetch(name: str, other: str) -> str:
    """Have the page fetch another file than the one it means to."""
    renamed = f"String(url).replace('{name}', '{other}')"
    return f"const f = fetch; globalThis.fetch = (url, ...rest) => f({renamed}, ...rest);"


def browser_processes() -> set[psutil.Process]:
    """The browsers below this process, with their pages: what a test must not leave behind."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = child.cmdline()
            words = {part.partition("=")[0] for part in command[1:]}
            program = Path(command[0]).name if command else ""
            if words & BROWSER_WORDS or program in WEBKITGTK_PROGRAMS:
                found.add(child)
    return {process for process in found if alive(process)}


@contextmanager
def disturbing(disturb: Callable[[], None]) -> Iterator[None]:
    """Disturb a run from another thread when its measured part has begun."""
    thread = threading.Timer(0.5, disturb)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def alive(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that ended and was not waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _shape(*sizes: int) -> dict[str, Any]:
    return {"shape": {"dim": [{"size": str(size)} for size in sizes]}}
