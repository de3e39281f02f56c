"""litert-host, the stand-in for benchmark_model on this host, with the real LiteRT."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from android_parts import SHAPE, inputs, model_file, needed_litert

from harness import outputs
from harness.errors import OutputUnreadable, RunFailed, RunTimedOut, TargetUnfit
from harness.model import Tensor
from harness.tools.benchmark_model import ToolReading, flags_in_usage, parse
from harness.transports import litert

PROGRAM = Path(__file__).parents[2] / "device_scripts" / "host" / "litert_host.py"
FEW = ("--num_runs=6", "--min_secs=0", "--warmup_runs=2", "--warmup_min_secs=0")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needed_litert()
    return model_file(tmp_path_factory.mktemp("litert")).path


def call(*flags: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run it as a device does: as a program, from a shell."""
    return subprocess.run(
        ["sh", "-c", '"$0" "$@"; exit $?', str(PROGRAM), *flags],
        env={**os.environ, "EDGEBENCH_PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def read(*flags: str) -> ToolReading:
    said = call(*flags)
    return parse(said.stdout, said.stderr, said.returncode)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_its_output_is_benchmark_models_and_proves_the_threads(model: Path, threads: int) -> None:
    reading = read(f"--graph={model}", f"--num_threads={threads}", *FEW)
    assert reading.failure is None
    assert reading.facts.tool == "litert-host"
    assert reading.facts.version == litert.version()
    assert reading.facts.threads == threads
    assert reading.facts.threads_observed == threads
    assert reading.facts.xnnpack is True
    numbers = reading.numbers
    assert numbers
    assert numbers.timed.count == 6
    assert numbers.warmup
    assert numbers.warmup.count == 2
    assert numbers.timed.p50_s
    assert numbers.peak_rss_bytes is None


def test_without_xnnpack_its_delegate_is_not_made(model: Path) -> None:
    reading = read(f"--graph={model}", "--use_xnnpack=false", "--num_threads=2", *FEW)
    assert reading.facts.xnnpack is False
    assert reading.facts.threads == 2
    assert reading.numbers


def test_memory_is_counted_above_the_interpreter(model: Path) -> None:
    reading = read(f"--graph={model}", "--report_peak_memory_footprint=true", *FEW)
    numbers = reading.numbers
    assert numbers
    assert numbers.peak_rss_bytes
    assert numbers.footprint_bytes
    assert numbers.footprint_init_bytes
    # Python with numpy and LiteRT alone has more than 30 MB.
    activations = 48 * 48 * 32 * 4
    assert activations < numbers.peak_rss_bytes < 25 * 2**20
    assert numbers.footprint_init_bytes <= numbers.footprint_bytes <= numbers.peak_rss_bytes


def test_what_was_resident_before_the_model_is_not_counted(model: Path, tmp_path: Path) -> None:
    greedy = (
        "import runpy, sys; ballast = b'x' * (200 << 20); del ballast; del sys.argv[0]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -c "{greedy}" "$@"\n')
    python.chmod(0o755)
    flags = (f"--graph={model}", "--report_peak_memory_footprint=true", *FEW)
    said = call(*flags, python=str(python))
    numbers = parse(said.stdout, said.stderr, said.returncode).numbers
    assert numbers
    assert numbers.peak_rss_bytes
    assert numbers.peak_rss_bytes < 25 * 2**20


def test_memory_grows_with_the_model(model: Path, tmp_path: Path) -> None:
    from harness.graphs.builder import GraphBuilder
    from harness.graphs.tflite_writer import write_tflite

    net = GraphBuilder("wide", 1)
    x = net.dense(net.input((1, 1, 1, 2048)), 2048)
    big = model_file(tmp_path, write_tflite(net.build(x))).path
    peaks = []
    for path in (model, big):
        numbers = read(f"--graph={path}", "--report_peak_memory_footprint=true", *FEW).numbers
        assert numbers
        assert numbers.peak_rss_bytes
        peaks.append(numbers.peak_rss_bytes)
    assert peaks[1] - peaks[0] > 2048 * 2048 * 4


def test_the_loops_keep_to_their_limits(model: Path) -> None:
    longer = read(f"--graph={model}", "--num_runs=1", "--min_secs=0.3", "--warmup_min_secs=0")
    cut = read(f"--graph={model}", "--num_runs=1000000", "--max_secs=0.2", "--warmup_min_secs=0")
    assert longer.numbers
    assert longer.numbers.timed.count > 1
    assert cut.numbers
    assert 0 < cut.numbers.timed.count < 1_000_000
    none = read(f"--graph={model}", "--num_runs=0", "--min_secs=0", "--warmup_min_secs=0")
    assert none.failure
    assert none.failure.kind == "no-inference"


def test_without_a_warm_up_there_is_no_first_inference(model: Path) -> None:
    reading = read(
        f"--graph={model}",
        "--num_runs=2",
        "--min_secs=0",
        "--warmup_runs=0",
        "--warmup_min_secs=0",
    )
    assert reading.numbers
    assert reading.numbers.warmup is None
    assert reading.numbers.first_inference_s is None


def test_the_outputs_are_those_of_the_reference_kernels(model: Path, tmp_path: Path) -> None:
    fed = inputs()
    value_file = tmp_path / "in put"
    value_file.write_bytes(fed[0].data)
    out = tmp_path / "out.bin"
    reading = read(
        f"--graph={model}",
        "--input_layer=input",
        f"--input_layer_shape={','.join(map(str, SHAPE))}",
        f"--input_layer_value_files=input:{value_file}",
        f"--output_filepath={out}",
        *FEW,
    )
    assert reading.numbers
    reference = litert.reference_outputs(model, [fed])[0]
    written = np.fromfile(out, "<f4")
    assert written.size == sum(len(tensor.data) for tensor in reference) // 4
    split = [written[:5], written[5:]]
    for tensor, values in zip(reference, split, strict=True):
        got = Tensor(tensor.name, tensor.shape, "float32", values.tobytes())
        assert outputs.check([got], [tensor], 1e-4).failure is None


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (("--graph=/nothing/here.tflite",), "model-missing"),
        (("--graph=@",), "model-unreadable"),
        ((), "bad-flag"),
        (("--graph=/m", "--num_runs=3abc"), "bad-flag"),
        (("--graph=/m", "--use_xnnpack=yes"), "bad-flag"),
        (("--help",), "usage-shown"),
    ],
)
def test_it_fails_as_benchmark_model_fails(
    flags: tuple[str, ...], kind: str, tmp_path: Path
) -> None:
    needed_litert()
    broken = tmp_path / "broken"
    broken.write_text("no model at all")
    reading = read(*(flag.replace("@", str(broken)) for flag in flags))
    assert reading.failure
    assert reading.failure.kind == kind


@pytest.mark.parametrize(
    "flags", [("--no_such_flag=1",), ("--use_gpu=true",), ("--use_xnnpack",), ("--num_runs=3",)]
)
def test_ignored_flags_are_told(model: Path, flags: tuple[str, ...]) -> None:
    reading = read(f"--graph={model}", *FEW, *flags)
    assert reading.failure
    assert reading.failure.kind == "unconsumed-flags"


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (("--input_layer=input", "--input_layer_shape=1,2"), "bad-input"),
        (("--input_layer=input",), "bad-input"),
        (("--input_layer_value_files=other:/x",), "tool-failed"),
        (
            (
                "--input_layer=input",
                "--input_layer_shape=1,48,48,8",
                "--input_layer_value_files=input:/etc/hostname",
            ),
            "tool-failed",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(model: Path, flags: tuple[str, ...], kind: str) -> None:
    reading = read(f"--graph={model}", *FEW, *flags)
    assert reading.failure
    assert reading.failure.kind == kind


def test_its_usage_lists_its_flags() -> None:
    said = call("--help")
    flags = flags_in_usage(said.stdout + said.stderr)
    assert {"graph", "output_filepath", "input_layer_value_files", "num_threads"} <= flags


def test_reference_kernels_answer_for_each_set_of_inputs(model: Path) -> None:
    first, second = litert.reference_outputs(model, [inputs(0), inputs(1)])
    assert [tensor.shape for tensor in first] == [(1, 5), (1, 1152)]
    assert first[0].data != second[0].data
    assert sum(np.frombuffer(first[0].data, "<f4")) == pytest.approx(1, abs=1e-5)
    described = litert.output_shapes(model, inputs())
    assert [(one.shape, one.dtype) for one in described] == [
        (one.shape, one.dtype) for one in first
    ]


def test_a_reference_that_cannot_be_computed_says_why(model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(model.read_bytes()[:500])
    with pytest.raises(RunFailed) as refusal:
        litert.reference_outputs(broken, [inputs()])
    assert refusal.value.hint
    with pytest.raises(RunFailed, match="inputs"):
        litert.reference_outputs(model, [()])


def test_a_reference_that_takes_too_long_is_ended(model: Path) -> None:
    with pytest.raises(RunTimedOut):
        litert.reference_outputs(model, [inputs()], timeout_s=0.01)


def test_an_answer_that_is_not_understood_is_an_error(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litert, "_from_json", lambda record: record["no such key"])
    with pytest.raises(OutputUnreadable):
        litert.reference_outputs(model, [inputs()])


def test_a_missing_litert_is_told_with_the_command_that_brings_it(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litert, "version", lambda: "")
    with pytest.raises(TargetUnfit) as refusal:
        litert.reference_outputs(model, [inputs()])
    assert refusal.value.hint == 'pip install "edgebench[litert]"'
