"""LiteRT.js in a real browser: which build and how many threads ran is proved, outputs are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import runtime_parts
from runtime_parts import measured, run

from harness import outputs
from harness.errors import TargetNotFound
from harness.plugins import Driver, ModelFile, Session, TargetSpec
from harness.plugins import driver as driver_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return runtime_parts.models(tmp_path_factory.mktemp("models"))["tflite"]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Driver, Session]]:
    with runtime_parts.opened("web-litert", tmp_path_factory.mktemp("scratch")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("variant", "binary", "threads"),
    [
        ({}, "litert_wasm_internal.wasm", 1),
        ({"wasm": "compat"}, "litert_wasm_compat_internal.wasm", 1),
        ({"wasm": "threaded", "threads": 1}, "litert_wasm_threaded_internal.wasm", 1),
        ({"wasm": "threaded", "threads": 3}, "litert_wasm_threaded_internal.wasm", 3),
    ],
)
def test_each_build_is_proved_and_computes_the_model(
    target: tuple[Driver, Session],
    model: ModelFile,
    variant: dict[str, Any],
    binary: str,
    threads: int,
) -> None:
    plugin, session = target
    reading = measured(plugin, run(plugin, session, model, **variant))
    observed = reading.proof.observed
    assert (observed["wasm_binary"], observed["threads"]) == (binary, threads)
    assert reading.setting["wasm"] == variant.get("wasm", "relaxed-simd")
    assert outputs.check(reading.outputs or (), runtime_parts.expected(), 1e-4).failure is None


def test_memory_is_counted_above_the_same_page(
    target: tuple[Driver, Session], model: ModelFile
) -> None:
    plugin, session = target
    reading = measured(plugin, run(plugin, session, model, "memory"))
    found = runtime_parts.metrics(reading)
    assert (found["wasm_heap"].value or 0) >= 16 * 2**20
    assert (found["renderer_uss"].value or 0) > 0 or found["renderer_uss"].absent


def test_threads_belong_to_the_threaded_build() -> None:
    options = driver_of("web-litert").variant_options
    for wrong in ({"wasm": "threaded"}, {"threads": 2}, {"wasm": "compat", "threads": 1}):
        with pytest.raises(ValueError, match="belongs to `wasm: threaded`"):
            options(**wrong)


def test_a_missing_library_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    plugin = driver_of("web-litert")
    with pytest.raises(TargetNotFound) as caught:
        plugin.open(TargetSpec("web", plugin.target_options(), {}, tmp_path))
    assert (caught.value.kind, caught.value.hint) == ("runtime-missing", "run: make runtimes")
