"""Firefox and WebKitGTK, for real: what ran is proved, and nothing of them stays."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import web_parts
from web_parts import QUICK, run

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import TargetNotFound
from harness.graphs.numpy_forward import forward
from harness.graphs.tfjs_writer import write_tfjs
from harness.model import Capture, Failed, Measured, Measurement, Reading, Tensor
from harness.options import Timed
from harness.outputs import InputSignature, check, seeded_inputs
from harness.plugins import ModelFile, TargetSpec, build_network, registry
from harness.transports.cpu_accounts import our_accounts
from harness.transports.webdriver import flavours
from harness.web_lane.session import WebSession

pytestmark = pytest.mark.browser

BROWSERS = ("firefox", "webkitgtk")
VIRTUAL_CLOCK = Path(__file__).parents[1] / "fixtures" / "web" / "virtual_clock.js"
ENDLESS = QUICK.model_copy(update={"timed": Timed(iterations=1_000_000, max_seconds=50.0)})
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"wasm": "plain"},
    "simd": {"wasm": "simd"},
    "threads-1": {"wasm": "threaded-simd", "threads": 1},
    "threads-2": {"wasm": "threaded-simd", "threads": 2},
}


@pytest.fixture(scope="module")
def blazeface(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ModelFile, tuple[Tensor, ...], list[Tensor]]:
    """The model, an input, and what the model's description says that it makes of it."""
    graph = build_network(registry("models").get("blazeface_front"), 7)
    folder = tmp_path_factory.mktemp("blazeface")
    files = write_tfjs(graph)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    signatures = [InputSignature(name, shape, "float32") for name, shape in graph.inputs.items()]
    inputs = seeded_inputs(signatures, 0, graph.name, 0)
    fed = {one.name: np.frombuffer(one.data, "<f4").reshape(one.shape) for one in inputs}
    tensors = forward(graph, fed)
    expected = [
        Tensor(name, tensors[name].shape, "float32", tensors[name].astype("<f4").tobytes())
        for name in graph.outputs
    ]
    digest = sha256(files["model.json"]).hexdigest()
    size = sum(map(len, files.values()))
    return ModelFile("tfjs", folder / "model.json", digest, size), inputs, expected


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return web_parts.tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module", params=BROWSERS)
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebSession]:
    scratch = tmp_path_factory.mktemp("scratch")
    with web_parts.web_session(scratch, browser=request.param) as opened:
        yield opened
        assert web_parts.browser_processes() == set()
        assert [path.name for path in scratch.iterdir() if "webdriver" in path.name] == []


def measured(capture: Capture) -> tuple[Reading, dict[str, Measurement]]:
    reading = PLUGIN.read(capture)
    assert isinstance(reading.outcome, Measured), (reading, capture.text("console.json"))
    return reading, {m.metric: m for m in reading.outcome.measurements}


def failure_kind(capture: Capture) -> str:
    outcome = PLUGIN.read(capture).outcome
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure.hint
    return outcome.failure.kind


def addresses() -> set[str]:
    """The hosts that processes of browsers are connected to."""
    talked: set[str] = set()
    for process in web_parts.browser_processes():
        with suppress(psutil.Error):
            connections = process.net_connections("inet")
            remotes = [tuple(one.raddr) for one in connections]
            talked.update(str(remote[0]) for remote in remotes if remote)
    return talked


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_is_proved_and_computes_what_the_model_says(
    session: WebSession,
    blazeface: tuple[ModelFile, tuple[Tensor, ...], list[Tensor]],
    variant: str,
) -> None:
    model, inputs, expected = blazeface
    talked: set[str] = set()

    @contextmanager
    def window() -> Iterator[None]:
        yield
        talked.update(addresses())

    capture = run(session, model, inputs=inputs, window=window, **VARIANTS[variant])
    # Firefox calls home by itself, if it is let.
    assert talked == {"127.0.0.1"}
    reading, metrics = measured(capture)
    assert reading.proof.mismatches() == ()
    observed = reading.proof.observed
    assert observed["threads"] == VARIANTS[variant].get("threads", 1)
    assert observed["cross_origin_isolated"] is True
    assert len(metrics["samples"].samples) == QUICK.timed.iterations
    assert check(reading.outputs or (), expected, 1e-4).failure is None
    # The engine is told in the setting, so that browsers are never compared as if they were one.
    name = str(reading.setting["browser_name"])
    assert str(reading.subject["browser"]).startswith(f"{name} ")
    assert reading.setting["device"] == session.device
    assert "Safari" not in session.device


def test_threads_where_memory_cannot_be_shared_are_unsupported_and_the_rest_is_measured(
    tmp_path: Path, tiny: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    web_parts.require("webkitgtk")
    monkeypatch.setattr(flavours, "_WEBKITGTK_ENVIRON", {})
    with web_parts.web_session(tmp_path, browser="webkitgtk") as without:
        # The runner skips what is unsupported, as expected.
        assert failure_kind(run(without, tiny, **VARIANTS["threads-2"])) == "unsupported"
        measured(run(without, tiny, wasm="simd"))


def test_memory_is_that_of_the_process_that_does_the_pages_work(
    session: WebSession, tiny: ModelFile
) -> None:
    capture = run(session, tiny, pass_="memory", wasm="simd")
    reading, metrics = measured(capture)
    told = json.loads(capture.files["run.json"])["memory"]
    assert (metrics["wasm_heap"].value or 0) >= 2**24
    if sys.platform == "linux":
        assert 2**20 < (metrics["renderer_uss"].value or 0) < 2**28
        # How garbage was collected is part of the method.
        assert str(reading.setting["method"]).endswith(told["gc"])
        assert told["gc"]
    else:
        assert metrics["renderer_uss"].absent


@pytest.mark.parametrize("browser", BROWSERS)
def test_init_scripts_have_run_before_anything_is_measured(
    tmp_path: Path, tiny: ModelFile, browser: str
) -> None:
    options = {"browser": browser, "init_script": str(VIRTUAL_CLOCK)}
    with web_parts.web_session(tmp_path, **options) as session:
        _, metrics = measured(run(session, tiny, wasm="plain"))
    assert metrics["init"].value == pytest.approx(0.020)
    assert metrics["first_inference"].value == pytest.approx(0.100)
    assert metrics["samples"].samples == pytest.approx((0.010, 0.012, 0.014, 0.016, 0.018) * 2)


def test_an_init_script_that_fails_is_told_and_gives_no_number(
    session: WebSession, tiny: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_init_script", "throw new Error('of the init script');")
    capture = run(session, tiny, wasm="plain")
    assert failure_kind(capture) == "page-error"
    assert "of the init script" in capture.text("console.json")


def test_a_request_to_elsewhere_fails_the_run(
    session: WebSession, tiny: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "setTimeout(() => fetch('http://127.0.0.1:9/secret').catch(() => 0), 1);"
    monkeypatch.setattr(session, "_init_script", script)
    capture = run(session, tiny, wasm="plain")
    assert failure_kind(capture) == "page-error"
    assert "http://127.0.0.1:9/" in capture.text("page.json") + capture.text("console.json")


def test_a_wasm_file_that_is_not_served_is_a_failure(
    session: WebSession, tiny: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_init_script", web_parts.renaming_fetch(".wasm", ".gone"))
    capture = run(session, tiny, wasm="plain")
    assert failure_kind(capture) == "page-error"
    statuses = {r["path"]: r["status"] for r in json.loads(capture.files["requests.json"])}
    assert statuses["tfjs/tfjs-backend-wasm.gone"] == 404


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux has these files")
def test_the_cpu_of_a_measured_browser_is_never_others(
    session: WebSession, tiny: ModelFile
) -> None:
    missed: list[set[int]] = []

    @contextmanager
    def window() -> Iterator[None]:
        yield
        missed.append(
            {one.pid for one in web_parts.browser_processes()} - set(our_accounts() or ())
        )

    measured(run(session, tiny, wasm="plain", window=window))
    assert missed == [set()]


def kill_page() -> None:
    """Kill the processes that pages run in, of whichever browser is under way."""
    for process in web_parts.browser_processes():
        with suppress(psutil.Error):
            command = process.cmdline()
            if command[-1:] == ["tab"] or "WebKitWebProcess" in command[0]:
                process.kill()


def kill_browser() -> None:
    """Kill the process that leads the browser under way."""
    for process in web_parts.browser_processes():
        with suppress(psutil.Error):
            command = process.cmdline()
            if "--profile" in command or "MiniBrowser" in command[0]:
                process.kill()


@pytest.mark.parametrize("kill", [kill_page, kill_browser])
def test_a_crash_fails_its_run_alone(
    session: WebSession, tiny: ModelFile, kill: Callable[[], None]
) -> None:
    capture = run(
        session,
        tiny,
        wasm="simd",
        sampling=ENDLESS,
        window=lambda: web_parts.disturbing(kill),
    )
    assert failure_kind(capture) == "browser-crashed"
    assert web_parts.browser_processes() == set()


def test_a_hang_is_ended_at_the_deadline_and_leaves_no_process(
    session: WebSession, tiny: ModelFile
) -> None:
    seen: set[psutil.Process] = set()

    @contextmanager
    def window() -> Iterator[None]:
        seen.update(web_parts.browser_processes())
        yield

    # Firefox takes up to five seconds to start, and more on a busy machine.
    timeout_s = {"firefox": 15.0, "webkitgtk": 8.0}[session._transport.facts.name]
    hasty = ENDLESS.model_copy(update={"timeout_s": timeout_s})
    assert failure_kind(run(session, tiny, wasm="simd", sampling=hasty, window=window)) == (
        "timed-out"
    )
    assert len(seen) > 2
    assert not any(web_parts.alive(process) for process in seen)


def test_an_interrupt_ends_the_run(session: WebSession, tiny: ModelFile) -> None:
    capture = run(
        session,
        tiny,
        wasm="simd",
        sampling=ENDLESS,
        window=lambda: web_parts.disturbing(session.interrupt),
    )
    assert failure_kind(capture) == "killed"
    assert web_parts.browser_processes() == set()


FOR_EVER = """
import sys
from pathlib import Path
from harness.transports.browser_discovery import find
from harness.web_lane.options import BrowserKeys
from harness.web_lane.transports import open_transport

def work(browser):
    with browser.page("http://127.0.0.1:9") as page:
        print("up", flush=True)
        page.evaluate("() => new Promise(() => 0)")

transport = open_transport(BrowserKeys(browser=sys.argv[1]), Path(sys.argv[2]))
transport.visit(work, deadline_s=100)
"""


@pytest.mark.parametrize("browser", ["chromium", *BROWSERS])
def test_nothing_stays_when_the_harness_is_killed(tmp_path: Path, browser: str) -> None:
    web_parts.require(browser)
    harness = subprocess.Popen(
        [sys.executable, "-c", FOR_EVER, browser, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert harness.stdout
    with harness.stdout:
        assert harness.stdout.readline() == b"up\n"
        below = psutil.Process(harness.pid).children(recursive=True)
        harness.send_signal(signal.SIGKILL)
        harness.wait()
    assert len(below) > 3
    until = time.monotonic() + 20
    while time.monotonic() < until and any(map(web_parts.alive, below)):
        time.sleep(0.05)
    assert [process for process in below if web_parts.alive(process)] == []


def test_without_xvfb_webkitgtk_is_skipped_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web_parts.require("webkitgtk")
    here = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda name, **more: None if name == "Xvfb" else here(name, **more)
    )
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for headless, hint in ((True, "xvfb"), (False, "desktop")):
        options = PLUGIN.target_options(browser="webkitgtk", headless=headless)
        with pytest.raises(TargetNotFound) as caught:
            PLUGIN.open(TargetSpec("web", options, {}, tmp_path))
        assert caught.value.kind == "display-missing"
        assert hint in caught.value.hint
