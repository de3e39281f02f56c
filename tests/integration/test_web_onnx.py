"""onnxruntime-web in a real browser: build and threads are proved, outputs are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import runtime_parts
from runtime_parts import measured, run

from harness import outputs
from harness.errors import TargetNotFound
from harness.model import Failed
from harness.plugins import Driver, ModelFile, Session, TargetSpec
from harness.plugins import driver as driver_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return runtime_parts.models(tmp_path_factory.mktemp("models"))["onnx"]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Driver, Session]]:
    with runtime_parts.opened("web-onnx", tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.mark.parametrize("threads", [1, 3])
def test_build_and_threads_are_proved_and_the_model_is_computed(
    target: tuple[Driver, Session], model: ModelFile, threads: int
) -> None:
    plugin, session = target
    reading = measured(plugin, run(plugin, session, model, threads=threads))
    observed = reading.proof.observed
    assert observed["wasm_binary"] == "ort-wasm-simd-threaded.wasm"
    assert observed["threads"] == threads
    assert outputs.check(reading.outputs or (), runtime_parts.expected(), 1e-4).failure is None
    found = runtime_parts.metrics(reading)
    assert found["init"].value is None
    assert "load" in found["init"].absent
    assert (found["load"].value or 0) < (found["time_to_first_result"].value or 0)


def test_the_heap_is_seen_though_the_library_hides_it(
    target: tuple[Driver, Session], model: ModelFile
) -> None:
    plugin, session = target
    found = runtime_parts.metrics(measured(plugin, run(plugin, session, model, "memory")))
    assert (found["wasm_heap"].value or 0) >= 2**20


def test_fewer_threads_than_were_asked_for_give_no_number(model: ModelFile, tmp_path: Path) -> None:
    stingy = tmp_path / "stingy.js"
    stingy.write_text(
        "let kept; Object.defineProperty(globalThis, 'ort', { get: () => kept, set(library) {"
        " kept = library; Object.defineProperty(library.env.wasm, 'numThreads',"
        " { get: () => 1, set() {} }); } });"
    )
    options = {"init_script": str(stingy)}
    with runtime_parts.opened("web-onnx", tmp_path, **options) as (plugin, session):
        outcome = plugin.read(run(plugin, session, model, threads=3)).outcome
    assert isinstance(outcome, Failed)
    assert outcome.failure.kind == "variant-mismatch"
    assert "threads asked 3, observed 1" in outcome.failure.message


@pytest.mark.parametrize("wasm", ["plain", "simd"])
def test_a_build_that_is_gone_is_unsupported_with_the_reason(wasm: str) -> None:
    plugin = driver_of("web-onnx")
    reason = plugin.unsupported(
        plugin.target_options(), plugin.variant_options.model_validate({"wasm": wasm})
    )
    assert f"no longer ships a {wasm} build" in reason
    assert plugin.unsupported(plugin.target_options(), plugin.variant_options()) == ""


def test_a_missing_library_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    plugin = driver_of("web-onnx")
    with pytest.raises(TargetNotFound) as caught:
        plugin.open(TargetSpec("web", plugin.target_options(), {}, tmp_path))
    assert (caught.value.kind, caught.value.hint) == ("runtime-missing", "run: make runtimes")
