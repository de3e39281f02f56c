"""Inputs and references: the same bytes in every lane, computed once, and honest about doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from struct import pack, unpack
from typing import Any

import pytest

from harness.errors import SuiteError, TargetUnfit
from harness.model import Tensor
from harness.outputs import InputSignature, npz_bytes
from harness.plugins import ModelFile, Workload, network_options, registry
from harness.runner import expectation
from harness.runner.expectation import Files, expect
from harness.suite.values import Generated, InputSpec, ModelSource

FILE = ModelFile("tflite", Path("m.tflite"), "ab" * 32, 1)


class WithoutKernels:
    """A runtime that has no reference kernels of its own."""

    def reference(self, model: ModelFile, inputs: Any) -> Any:
        raise TargetUnfit("it has none", hint="none")

    def reference_runtime(self) -> str:
        return "none 1"


class Runtime:
    """A runtime whose reference is a function of the inputs."""

    def __init__(self, answer: Any = None) -> None:
        self.calls = 0
        self._answer = answer or (lambda inputs: inputs)

    def reference(
        self, model: ModelFile, inputs: Sequence[tuple[Tensor, ...]]
    ) -> tuple[tuple[Tensor, ...], ...]:
        self.calls += 1
        return tuple(self._answer(given) for given in inputs)

    def reference_runtime(self) -> str:
        return "identity 1"


@pytest.fixture(autouse=True)
def _cached_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path / "cache"))
    signature = (InputSignature("x", (1, 4), "float32"),)
    monkeypatch.setattr(expectation, "read_signature", lambda *_: signature)


def a_source(*inputs: InputSpec, reference: Any = "cpu") -> ModelSource:
    return ModelSource("m", "fp32", None, {}, inputs, reference, 1e-4)


def expected(source: ModelSource, runtime: Any, announced: list[int] | None = None) -> Any:
    said = announced if announced is not None else []
    return expect(source, Files(FILE), runtime, announce=lambda: said.append(1))


def test_a_reference_is_computed_once_per_model_inputs_and_runtime() -> None:
    runtime, announced = Runtime(), list[int]()
    first = expected(a_source(), runtime, announced)
    again = expected(a_source(), runtime, announced)
    assert (runtime.calls, announced) == (1, [1])
    assert first == again
    assert first.reference == first.inputs
    assert first.note == ""
    other = a_source(InputSpec("x", low=0.0, high=9.0))
    expected(other, runtime, announced)
    assert runtime.calls == 2


def test_a_damaged_cache_entry_is_computed_again(tmp_path: Path) -> None:
    runtime = Runtime()
    first = expected(a_source(), runtime)
    for path in (tmp_path / "cache" / "references").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    assert expected(a_source(), runtime).reference == first.reference
    assert runtime.calls == 2


def test_a_model_that_always_answers_alike_proves_nothing_and_says_so() -> None:
    constant = Runtime(lambda _: (Tensor("y", (1,), "float32", pack("<f", 1.0)),))
    assert expected(a_source(), constant).note.startswith("proves nothing")


def test_no_reference_is_said_with_its_reason() -> None:
    class Without(Runtime):
        def reference(self, model: Any, inputs: Any) -> Any:
            raise TargetUnfit("no reference kernels here", hint="-")

    found = expected(a_source(), Without())
    assert found.reference is None
    assert found.note == "not checked: no reference (no reference kernels here)"


def test_a_reference_file_is_used_as_it_is(tmp_path: Path) -> None:
    wanted = (Tensor("y", (2,), "float32", pack("<2f", 1.0, 2.0)),)
    (tmp_path / "ref.npz").write_bytes(npz_bytes(wanted))
    runtime = Runtime()
    found = expected(a_source(reference=tmp_path / "ref.npz"), runtime)
    assert found.reference == wanted
    assert runtime.calls == 0


def test_an_input_file_is_fed_as_it_is_and_its_size_is_checked(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(pack("<4f", 1, 2, 3, 4))
    spec = InputSpec("x", file=tmp_path / "x.bin")
    found = expected(a_source(spec), Runtime())
    assert found.inputs[0].data == pack("<4f", 1, 2, 3, 4)
    assert found.note.startswith("ok, but proves little")
    (tmp_path / "x.bin").write_bytes(b"short")
    with pytest.raises(SuiteError, match="has 5 bytes"):
        expected(a_source(spec), Runtime())
    (tmp_path / "x.bin").unlink()
    with pytest.raises(SuiteError, match="cannot be read"):
        expected(a_source(spec), Runtime())


def test_an_input_that_the_model_does_not_have_is_named() -> None:
    with pytest.raises(SuiteError, match="no input 'y'") as caught:
        expected(a_source(InputSpec("y")), Runtime())
    assert "x" in caught.value.hint


def against(monkeypatch: pytest.MonkeyPatch, dtypes: Mapping[str, tuple[str, ...]]) -> Any:
    """Check an int8 file of a model whose fp32 file answers otherwise."""
    original = ModelFile("tflite", Path("whole.tflite"), "cd" * 32, 4)
    monkeypatch.setattr(expectation, "output_dtypes", lambda file: dtypes[file.path.name])
    asked: list[str] = []

    class Both(Runtime):
        def reference(self, model: ModelFile, inputs: Any) -> Any:
            asked.append(model.path.name)
            return super().reference(model, inputs)

    source = replace(a_source(), file="int8", has_original=True)
    runtime: Any = Both()
    found = expect(source, Files(FILE, original), runtime, announce=lambda: None)
    return found.compared_with, asked


def test_a_file_of_small_numbers_is_checked_against_the_fp32_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    same = {"m.tflite": ("float32",), "whole.tflite": ("float32",)}
    assert against(monkeypatch, same) == ("fp32", ["whole.tflite"])


def test_a_file_with_outputs_of_another_type_is_checked_against_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {"m.tflite": ("int8",), "whole.tflite": ("float32",)}
    assert against(monkeypatch, other) == ("own file", ["m.tflite"])


def signatures(monkeypatch: pytest.MonkeyPatch, *entries: InputSignature) -> None:
    monkeypatch.setattr(expectation, "read_signature", lambda *_: entries)


IDS = InputSignature("ids", (1, 8), "int32")
MASK = InputSignature("mask", (1, 8), "int32")
AS_TFLITE = (
    replace(MASK, name="serving_default_mask:0"),
    replace(IDS, name="serving_default_ids:0"),
)


def test_both_lanes_draw_the_same_bytes_whatever_the_order_and_the_names_of_inputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = InputSpec("ids", low=0, high=30521)
    signatures(monkeypatch, IDS, MASK)
    tfjs = expected(a_source(spec), Runtime())
    signatures(monkeypatch, *AS_TFLITE)
    tflite = expected(a_source(spec), Runtime())
    assert [t.name for t in tfjs.inputs] == ["ids", "mask"]
    assert [t.name for t in tflite.inputs] == [entry.name for entry in AS_TFLITE]
    assert tfjs.inputs[0].data == tflite.inputs[1].data
    assert tfjs.inputs[1].data == tflite.inputs[0].data
    assert tfjs.inputs_sha256 == tflite.inputs_sha256
    assert tfjs.shapes == tflite.shapes == "ids:1x8:int32 mask:1x8:int32"


def test_a_range_of_integers_is_drawn_to_both_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    signatures(monkeypatch, replace(IDS, shape=(1, 4096)), MASK)
    found = expected(a_source(InputSpec("ids", low=5, high=8)), Runtime())
    assert set(unpack("<4096i", found.inputs[0].data)) == {5, 6, 7, 8}
    assert set(unpack("<8i", found.inputs[1].data)) <= {0, 1}


def test_the_reference_of_a_workload_belongs_to_its_module_and_browser() -> None:
    class Browser(Runtime):
        device = "Chromium 1 on this host"

    runtime = Browser()

    def expected_of(sha256: str, options: dict[str, Any]) -> None:
        workload = Workload({"m.js": Path("m.js")}, sha256, options)
        files = Files(replace(FILE, workload=workload))
        expect(a_source(), files, runtime, announce=lambda: None)

    for _ in range(2):
        expected_of("aa", {})
    assert runtime.calls == 1
    expected_of("bb", {})
    expected_of("bb", {"frames": 3})
    Browser.device = "Firefox 1 on this host"
    expected_of("bb", {"frames": 3})
    assert runtime.calls == 4


ONNX = ModelFile("onnx", Path("m.onnx"), "ef" * 32, 1)


def shared_kernels(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    kernels = Runtime()
    monkeypatch.setattr(expectation, "HostLiteRt", lambda: kernels)
    return kernels


@pytest.mark.parametrize("own", [ONNX, replace(FILE, format="tfjs", sha256="cd" * 32)])
def test_formats_of_one_model_have_one_reference_whatever_runs_them(
    monkeypatch: pytest.MonkeyPatch, own: ModelFile
) -> None:
    kernels, runtime = shared_kernels(monkeypatch), Runtime()
    of_another = expect(a_source(), Files(own, None, FILE), runtime, announce=lambda: None)
    of_tflite = expect(a_source(), Files(FILE), WithoutKernels(), announce=lambda: None)
    assert (kernels.calls, runtime.calls) == (1, 0)
    assert of_another.reference_sha256 == of_tflite.reference_sha256 is not None
    assert of_another.computed_by == of_tflite.computed_by == "identity 1"


def test_where_the_shared_file_takes_other_inputs_the_runtime_s_own_reference_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernels, runtime = shared_kernels(monkeypatch), Runtime()

    def signature(file: ModelFile, _: object) -> tuple[InputSignature, ...]:
        shape = (1, 2, 2) if file is FILE else (1, 4)
        return (InputSignature("x", shape, "float32"),)

    monkeypatch.setattr(expectation, "read_signature", signature)
    found = expect(a_source(), Files(ONNX, None, FILE), runtime, announce=lambda: None)
    assert (kernels.calls, runtime.calls) == (0, 1)
    assert found.note == ""


def test_without_any_kernels_outputs_are_not_checked_and_the_reason_is_the_runtime_s() -> None:
    found = expect(a_source(), Files(ONNX), WithoutKernels(), announce=lambda: None)
    assert found.reference is None
    assert found.note == "not checked: no reference (it has none)"


def test_a_generated_networks_ids_are_drawn_from_all_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signature = (InputSignature("context", (1, 500), "int32"),)
    monkeypatch.setattr(expectation, "read_signature", lambda *_: signature)
    options = network_options(registry("models").get("recommendation")).model_validate(
        {"items": 70, "history": 500}
    )
    network = Generated("recommendation", 7, options=options)
    source = replace(a_source(), generated=network)

    def fed(*specs: InputSpec) -> set[int]:
        [tensor] = expected(replace(source, inputs=specs), Runtime()).inputs
        return set(unpack("<500i", tensor.data))

    assert fed() == set(range(70))
    assert fed(InputSpec("context", low=60)) == set(range(60, 70))
