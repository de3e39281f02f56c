"""The Wasm lane in a real browser: what ran is proved, and every end is a certain one."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import web_parts
from web_parts import INPUT, QUICK, WEIGHTS, disturbing, floats, run, tensor

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import TargetLost, TargetNotFound, TargetUnfit
from harness.model import Capture, Failed, Measured, Measurement, Reading
from harness.options import Timed, Warmup
from harness.plugins import ModelFile, TargetSpec
from harness.tools.tfjs_page import threads_as_shipped
from harness.transports import process_memory, server
from harness.web_lane.session import WebSession

pytestmark = pytest.mark.browser

VIRTUAL_CLOCK = Path(__file__).parents[1] / "fixtures" / "web" / "virtual_clock.js"
DONE = ("warmup_iterations_done", "warmup_seconds_done", "batch_size", "iterations_done")
ENDLESS = QUICK.model_copy(update={"timed": Timed(iterations=1_000_000, max_seconds=50.0)})
PRODUCT = tuple(
    sum(value * row[column] for value, row in zip(INPUT, WEIGHTS, strict=True))
    for column in range(len(WEIGHTS[0]))
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return web_parts.tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSession]:
    with web_parts.web_session(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened
        assert web_parts.browser_processes() == set()


def measured(capture: Capture) -> tuple[Reading, dict[str, Measurement]]:
    reading = PLUGIN.read(capture)
    assert isinstance(reading.outcome, Measured), (reading, capture.text("console.json"))
    return reading, {m.metric: m for m in reading.outcome.measurements}


def failed(capture: Capture) -> Reading:
    reading = PLUGIN.read(capture)
    assert isinstance(reading.outcome, Failed), reading
    assert reading.outcome.failure.hint
    return reading


def failure_kind(capture: Capture) -> str:
    outcome = failed(capture).outcome
    assert isinstance(outcome, Failed)
    return outcome.failure.kind


@pytest.mark.parametrize(
    ("variant", "binary", "threads"),
    [
        ({"wasm": "plain"}, "tfjs-backend-wasm.wasm", 1),
        ({"wasm": "simd"}, "tfjs-backend-wasm-simd.wasm", 1),
        ({"wasm": "threaded-simd", "threads": 1}, "tfjs-backend-wasm-threaded-simd.wasm", 1),
        ({"wasm": "threaded-simd", "threads": 2}, "tfjs-backend-wasm-threaded-simd.wasm", 2),
    ],
)
def test_each_variant_is_proved_and_measured(
    session: WebSession, model: ModelFile, variant: dict[str, Any], binary: str, threads: int
) -> None:
    capture = run(session, model, **variant)
    reading, metrics = measured(capture)
    requests = json.loads(capture.files["requests.json"])
    assert {(r["status"], r["complete"]) for r in requests} == {(200, True)}
    assert [r["path"] for r in requests if r["path"].endswith(".wasm")] == [f"tfjs/{binary}"]
    observed = reading.proof.observed
    assert (observed["wasm_binary"], observed["threads"]) == (binary, threads)
    assert reading.proof.mismatches() == ()
    assert len(str(observed["wasm_sha256"])) == 64
    assert reading.setting["wasm"] == variant["wasm"]
    name, version = str(reading.subject["browser"]).split()
    assert session.device == f"{name.capitalize()} {version.partition('.')[0]} on this host"
    assert reading.setting["device"] == session.device
    assert {"init", "load", "first_inference", "time_to_first_result"} <= metrics.keys()
    assert len(metrics["samples"].samples) == QUICK.timed.iterations
    assert math.isclose(
        metrics["latency_mean"].value or 0,
        sum(metrics["samples"].samples) / QUICK.timed.iterations,
    )
    (output,) = reading.outputs or ()
    assert output.shape == (1, 2)
    assert floats(output.data) == pytest.approx(PRODUCT)


def test_what_tfjs_takes_for_a_visitor_is_measured_and_named(
    session: WebSession, model: ModelFile
) -> None:
    reading, metrics = measured(run(session, model, wasm="auto"))
    cores = int(str(reading.conditions["hardware_concurrency"]))
    assert reading.proof.asked == {
        "backend": "wasm",
        "as_shipped": True,
        "cross_origin_isolated": True,
    }
    assert reading.setting["as_shipped"] is True
    assert reading.setting["wasm"] == "threaded-simd"
    assert reading.setting["threads"] == threads_as_shipped(cores)
    assert reading.conditions["threads_forced"] is False
    assert reading.subject["wasm_sha256"] == reading.proof.observed["wasm_sha256"]
    assert metrics["latency_mean"].value


def test_threads_that_no_visitor_would_have_are_called_forced(
    session: WebSession, model: ModelFile
) -> None:
    reading, _ = measured(run(session, model, wasm="threaded-simd", threads=8))
    real = int(str(reading.conditions["hardware_concurrency_real"]))
    assert reading.setting["as_shipped"] is False
    assert reading.conditions["threads_as_shipped"] == threads_as_shipped(real)
    assert reading.conditions["threads_forced"] is (real < 16)


def test_short_iterations_are_warmed_up_by_the_second_and_timed_in_batches(
    session: WebSession, model: ModelFile
) -> None:
    warm = QUICK.model_copy(update={"warmup": Warmup(iterations=3, seconds=0.2)})
    reading, metrics = measured(run(session, model, wasm="simd", sampling=warm))
    done = {key: float(reading.conditions[key] or 0) for key in DONE}
    assert done["warmup_iterations_done"] > 3
    assert done["warmup_seconds_done"] >= 0.2
    assert done["batch_size"] > 1
    assert done["iterations_done"] == done["batch_size"] * QUICK.timed.iterations
    assert metrics["latency_p90"].value is None
    assert "batches" in metrics["latency_p90"].absent


def test_memory_is_counted_above_the_page_without_tfjs(
    session: WebSession, model: ModelFile
) -> None:
    capture = run(session, model, pass_="memory", wasm="simd")
    reading, metrics = measured(capture)
    assert "latency_mean" not in metrics
    assert (metrics["wasm_heap"].value or 0) >= 2**24
    # The weights and the one input are what lives.
    assert metrics["tf_num_bytes"].value == 4 * (6 + 3)
    if process_memory._PROC.is_dir():
        assert (metrics["renderer_uss"].value or 0) > 2**20
        assert (metrics["renderer_pss"].value or 0) > 2**20
    else:
        assert metrics["renderer_uss"].absent
    assert (
        reading.setting["method"] != measured(run(session, model, wasm="simd"))[0].setting["method"]
    )


def test_without_proc_the_memory_of_the_process_is_absent_with_a_reason(
    session: WebSession, model: ModelFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_memory, "_PROC", tmp_path)
    _, metrics = measured(run(session, model, pass_="memory", wasm="simd"))
    assert metrics["renderer_uss"].value is None
    assert metrics["renderer_uss"].absent
    assert metrics["wasm_heap"].value


def test_without_isolation_a_run_has_no_number(
    session: WebSession, model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ISOLATION_HEADERS", {})
    variants: tuple[dict[str, Any], ...] = (
        {"wasm": "plain"},
        {"wasm": "threaded-simd", "threads": 2},
    )
    for variant in variants:
        reading = failed(run(session, model, **variant))
        assert isinstance(reading.outcome, Failed)
        assert reading.outcome.failure.kind == "variant-mismatch"
        assert "cross_origin_isolated" in reading.outcome.failure.message


@pytest.mark.parametrize(
    ("script", "variant", "fact"),
    [
        (
            # Takes the plain binary where SIMD is asked for, as a fallback would.
            web_parts.renaming_fetch("-simd.wasm", ".wasm"),
            {"wasm": "simd"},
            "wasm_binary",
        ),
        (
            # Two cores for good: TF.js then takes one thread without a word.
            "Object.defineProperty(navigator, 'hardwareConcurrency', {get: () => 2});",
            {"wasm": "threaded-simd", "threads": 2},
            "threads",
        ),
    ],
)
def test_a_fallback_never_becomes_a_number(
    session: WebSession,
    model: ModelFile,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    variant: dict[str, Any],
    fact: str,
) -> None:
    monkeypatch.setattr(session, "_init_script", script)
    reading = failed(run(session, model, **variant))
    assert isinstance(reading.outcome, Failed)
    assert reading.outcome.failure.kind == "variant-mismatch"
    assert fact in {name for name, _, _ in reading.proof.mismatches()}
    assert reading.setting["init_script_sha256"]


def test_a_virtual_clock_gives_exactly_its_latencies(tmp_path: Path, model: ModelFile) -> None:
    with web_parts.web_session(tmp_path, init_script=str(VIRTUAL_CLOCK)) as session:
        reading, metrics = measured(run(session, model, wasm="plain"))
    values = {name: m.value for name, m in metrics.items()}
    assert values["init"] == pytest.approx(0.020)
    assert values["load"] == pytest.approx(0.040)
    assert values["first_inference"] == pytest.approx(0.100)
    assert values["time_to_first_result"] == pytest.approx(0.160)
    assert values["warmup_mean"] == pytest.approx(0.014)
    assert metrics["samples"].samples == pytest.approx((0.010, 0.012, 0.014, 0.016, 0.018) * 2)
    assert values["latency_mean"] == pytest.approx(0.014)
    assert values["latency_p50"] == pytest.approx(0.014)
    assert values["latency_p90"] == pytest.approx(0.018)
    assert (values["latency_min"], values["latency_max"]) == pytest.approx((0.010, 0.018))
    assert reading.conditions["batch_size"] == 1
    assert reading.conditions["timer_resolution_s"] is None


def test_a_frozen_clock_ends_the_run_by_itself(
    session: WebSession, model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_init_script", "performance.now = () => 5;")
    # A warm-up by the second would never end.
    endless = ENDLESS.model_copy(update={"warmup": Warmup(iterations=1, seconds=1.0)})
    capture = run(session, model, wasm="plain", sampling=endless)
    assert failure_kind(capture) == "below-timer-resolution"


def test_a_wasm_file_that_is_not_served_is_a_failure(
    session: WebSession, model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_init_script", web_parts.renaming_fetch(".wasm", ".gone"))
    capture = run(session, model, wasm="plain")
    assert failure_kind(capture) == "page-error"
    statuses = {r["path"]: r["status"] for r in json.loads(capture.files["requests.json"])}
    assert statuses["tfjs/tfjs-backend-wasm.gone"] == 404


def test_a_request_to_elsewhere_is_blocked_and_fails_the_run(
    session: WebSession, model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "addEventListener('load', () => fetch('http://127.0.0.1:9/secret').catch(() => 0));"
    monkeypatch.setattr(session, "_init_script", script)
    capture = run(session, model, wasm="plain")
    assert failure_kind(capture) == "page-error"
    assert "http://127.0.0.1:9/" in capture.text("page.json")
    assert "Content Security Policy" in capture.text("console.json")


def kill(kind: str) -> None:
    """Kill processes of the browser under way: its pages, or the one that leads them all."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            command = " ".join(child.cmdline())
            if kind in command and ("--type=" in kind or "--type=" not in command):
                child.kill()


@pytest.mark.parametrize("kind", ["--type=renderer", "--user-data-dir="])
def test_a_page_or_browser_that_crashes_fails_its_run_alone(
    session: WebSession, model: ModelFile, kind: str
) -> None:
    capture = run(
        session,
        model,
        wasm="simd",
        sampling=ENDLESS,
        window=lambda: disturbing(lambda: kill(kind)),
    )
    assert failure_kind(capture) == "browser-crashed"
    assert json.loads(capture.files["requests.json"])
    measured(run(session, model, wasm="simd"))


def test_a_page_that_hangs_is_ended_at_the_deadline(session: WebSession, model: ModelFile) -> None:
    seen: set[psutil.Process] = set()

    @contextmanager
    def window() -> Iterator[None]:
        seen.update(web_parts.browser_processes())
        yield

    hasty = ENDLESS.model_copy(update={"timeout_s": 6.0})
    begun = time.monotonic()
    capture = run(session, model, wasm="simd", sampling=hasty, window=window)
    assert time.monotonic() - begun >= hasty.timeout_s
    assert failure_kind(capture) == "timed-out"
    # Those whose parent went first are no longer below us, so they are asked one by one.
    assert len(seen) > 2
    assert not any(web_parts.alive(process) for process in seen)
    measured(run(session, model, wasm="simd"))


def test_a_browser_that_is_stopped_is_ended_at_the_deadline(
    session: WebSession, model: ModelFile
) -> None:
    def stop_everything() -> None:
        for process in web_parts.browser_processes():
            process.send_signal(signal.SIGSTOP)

    hasty = ENDLESS.model_copy(update={"timeout_s": 6.0})
    capture = run(
        session,
        model,
        wasm="plain",
        sampling=hasty,
        window=lambda: disturbing(stop_everything),
    )
    assert failure_kind(capture) == "timed-out"
    assert web_parts.browser_processes() == set()


def test_an_interrupt_ends_the_run_from_another_thread(
    session: WebSession, model: ModelFile
) -> None:
    capture = run(
        session,
        model,
        wasm="plain",
        sampling=ENDLESS,
        window=lambda: disturbing(session.interrupt),
    )
    assert failure_kind(capture) == "killed"
    assert web_parts.browser_processes() == set()


def test_an_interrupt_while_nothing_runs_changes_nothing(
    session: WebSession, model: ModelFile
) -> None:
    session.interrupt()
    measured(run(session, model, wasm="plain"))


def test_playwrights_driver_may_die_between_runs(session: WebSession, model: ModelFile) -> None:
    for child in psutil.Process().children():
        if "run-driver" in child.cmdline():
            child.kill()
            child.wait()
    measured(run(session, model, wasm="plain"))


def test_the_window_is_open_exactly_while_the_page_measures(
    session: WebSession, model: ModelFile
) -> None:
    seen: list[bool] = []

    @contextmanager
    def window() -> Iterator[None]:
        seen.append(bool(web_parts.browser_processes()))
        yield
        seen.append(bool(web_parts.browser_processes()))

    capture = run(session, model, wasm="plain", window=window)
    assert seen == [True, True]
    phases = PLUGIN.read(capture).phases_s
    assert set(phases) == {"launch", "load", "warmup", "timed", "collect"}
    assert all(value >= 0 for value in phases.values())


def test_the_reference_is_computed_by_the_cpu_back_end(
    session: WebSession, model: ModelFile
) -> None:
    doubled = tuple(2 * value for value in INPUT)
    sets = session.reference(model, [(tensor("x", INPUT),), (tensor("x", doubled),)])
    assert floats(sets[0][0].data) == pytest.approx(PRODUCT)
    assert floats(sets[1][0].data) == pytest.approx(tuple(2 * value for value in PRODUCT))
    assert session.reference_runtime().startswith("tfjs-cpu 4.")


def test_a_model_without_a_reference_says_so(session: WebSession, model: ModelFile) -> None:
    with pytest.raises(TargetUnfit) as caught:
        session.reference(model, [(tensor("x", (1.0, 2.0)),)])
    assert "no reference" in str(caught.value)


def test_wrong_inputs_are_told_by_the_page(session: WebSession, model: ModelFile) -> None:
    both = (tensor("x", INPUT), tensor("z", INPUT))
    capture = run(session, model, inputs=both, wasm="plain")
    reading = failed(capture)
    assert isinstance(reading.outcome, Failed)
    assert reading.outcome.failure.message == "the model has no input z; it has x"


def test_two_targets_may_be_open_at_once(
    session: WebSession, model: ModelFile, tmp_path: Path
) -> None:
    with web_parts.web_session(tmp_path, args=["--js-flags=--no-opt"]) as other:
        reading, _ = measured(run(other, model, wasm="plain"))
        assert reading.setting["browser_args"] == "--js-flags=--no-opt"
        measured(run(session, model, wasm="plain"))


def test_a_browser_that_vanishes_loses_its_target(
    session: WebSession, model: ModelFile, tmp_path: Path
) -> None:
    wrapper = tmp_path / "browser"
    program = Path(session._transport.facts.path)
    wrapper.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    with web_parts.web_session(tmp_path, browser=str(wrapper)) as other:
        measured(run(other, model, wasm="plain"))
        wrapper.unlink()
        with pytest.raises(TargetLost):
            run(other, model, wasm="plain")


def test_a_browser_that_does_not_start_is_an_unfit_target(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && exec echo Chromium 156.2.3.4\nexit 3\n')
    broken.chmod(0o755)
    options = PLUGIN.target_options(browser=str(broken))
    with pytest.raises(TargetUnfit) as caught:
        PLUGIN.open(TargetSpec("web", options, {}, tmp_path))
    assert caught.value.kind == "browser-crashed"
    assert web_parts.browser_processes() == set()


def test_without_tfjs_the_target_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    with pytest.raises(TargetNotFound) as caught:
        PLUGIN.open(TargetSpec("web", PLUGIN.target_options(), {}, tmp_path))
    assert caught.value.kind == "tfjs-missing"
    assert "make setup" in caught.value.hint
