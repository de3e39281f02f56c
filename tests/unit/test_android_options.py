"""What a suite may say about Android targets, and the command line that comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.drivers.android_tflite.command import asked_facts, flags_of_run, layer_names
from harness.drivers.android_tflite.options import OWN_FLAGS, TargetOptions, VariantOptions
from harness.drivers.android_tflite.serials import hashed, masked, masking
from harness.drivers.android_tflite.toolchain import choose_tool
from harness.errors import TargetNotFound, TargetUnfit
from harness.model import Tensor
from harness.options import Sampling, Timed, Warmup
from harness.plugins import ToolFile, driver

EVERYTHING = OWN_FLAGS
INPUT = Tensor("input", (1, 4), "float32", bytes(16))
SAMPLING = Sampling(
    warmup=Warmup(iterations=25, seconds=1.5), timed=Timed(iterations=50, max_seconds=10)
)


def flags(known: frozenset[str] = EVERYTHING, **changes: Any) -> dict[str, str]:
    variant = VariantOptions(**changes.pop("variant", {}))
    call: dict[str, Any] = {
        "model": "/m",
        "pass_": "latency",
        "sampling": SAMPLING,
        "inputs": (INPUT,),
        "input_files": ("/i",),
        "output_file": "/o",
    } | changes
    lines = flags_of_run(variant=variant, known=known, **call)
    split = [line.removeprefix("--").partition("=") for line in lines]
    found = {name: value for name, _, value in split}
    assert len(found) == len(lines)
    return found


def test_a_run_has_exactly_these_flags() -> None:
    assert flags() == {
        "graph": "/m",
        "num_threads": "1",
        "warmup_runs": "25",
        "warmup_min_secs": "1.5",
        "num_runs": "50",
        "min_secs": "0",
        "max_secs": "10",
        "input_layer": "input",
        "input_layer_shape": "1,4",
        "input_layer_value_files": "input:/i",
        "output_filepath": "/o",
    }


def test_the_memory_pass_alone_watches_memory_and_writes_no_outputs() -> None:
    memory = flags(pass_="memory")
    assert memory["report_peak_memory_footprint"] == "true"
    assert "output_filepath" not in memory
    assert int(memory["num_runs"]) < 50
    assert "report_peak_memory_footprint" not in flags()


def test_an_older_build_is_not_given_flags_that_it_lacks() -> None:
    old = flags(known=frozenset({"graph", "num_runs"}), pass_="memory")
    assert "report_peak_memory_footprint" not in old
    assert not any(name.startswith("input_layer") for name in old)


def test_variants_reach_the_command_line_in_the_tools_spelling() -> None:
    variant = {
        "threads": 4,
        "xnnpack": False,
        "flags": {"use_gpu": True, "gpu_precision_loss_allowed": False, "run_delay": 0.25, "n": 3},
    }
    given_ = flags(variant=variant)
    assert given_["num_threads"] == "4"
    assert given_["use_xnnpack"] == "false"
    assert given_["use_gpu"] == "true"
    assert given_["gpu_precision_loss_allowed"] == "false"
    assert given_["run_delay"] == "0.25"
    assert given_["n"] == "3"


def test_what_is_asked_must_be_shown_by_the_tool() -> None:
    assert asked_facts(VariantOptions()) == {"threads": 1}
    assert asked_facts(VariantOptions(xnnpack=True)) == {"threads": 1, "xnnpack": True}
    gpu = VariantOptions(threads=2, flags={"use_gpu": True})
    assert asked_facts(gpu) == {"threads": 2, "delegate": "GPU"}
    assert asked_facts(VariantOptions(flags={"use_gpu": False})) == {"threads": 1}


@pytest.mark.parametrize("name", sorted(OWN_FLAGS))
def test_a_flag_of_ours_cannot_be_given_twice(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        VariantOptions(flags={name: 1})


@pytest.mark.parametrize("name", ["--use_gpu", "use gpu", "", "-x", "a=b", "ü"])
def test_only_names_of_flags_are_taken(name: str) -> None:
    with pytest.raises(ValidationError):
        VariantOptions(flags={name: 1})


@pytest.mark.parametrize(
    "bad", [{"threads": 0}, {"threads": True}, {"threads": "2"}, {"thread": 2}, {"xnnpack": 1}]
)
def test_variants_are_strict(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VariantOptions(**bad)


@settings(deadline=None)
@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4))
def test_layer_names_never_break_the_tools_lists(names: list[str]) -> None:
    tensors = [Tensor(name, (1,), "float32", b"") for name in names]
    for name in layer_names(tensors):
        assert name
        assert not set(name) & set(",:\\ \n")


def test_benches_are_told_apart_without_naming_a_phone() -> None:
    lane = driver("android-tflite")
    assert lane.bench(TargetOptions(device="virtual")) == "host"
    assert lane.is_virtual(TargetOptions(device="virtual"))
    assert lane.bench(TargetOptions()) == "phone:auto"
    named = lane.bench(TargetOptions(device="R58M123ABC"))
    assert named == f"phone:{hashed('R58M123ABC')}"
    assert "R58M" not in named
    assert len(named) == len("phone:") + 8


def test_errors_that_are_stored_hide_the_serial() -> None:
    with pytest.raises(TargetNotFound) as caught, masking(["R58M123ABC"]):
        raise TargetNotFound("R58M123ABC is gone", where="R58M123ABC", hint="find R58M123ABC")
    error = caught.value
    assert "123ABC" not in f"{error}{error.hint}"
    assert masked("R58M123ABC") in error.message


def build(abi: str, name: str = "benchmark_model") -> ToolFile:
    from pathlib import Path

    return ToolFile(name, abi, Path(abi), "0")


def test_the_best_abi_of_the_device_is_served_first() -> None:
    tools = {"benchmark_model": {abi: build(abi) for abi in ("armeabi-v7a", "arm64-v8a")}}
    chosen = choose_tool(None, tools, ("arm64-v8a", "armeabi-v7a"), virtual=False)
    assert chosen.abi == "arm64-v8a"
    older = choose_tool("benchmark_model", tools, ("armeabi-v7a", "armeabi"), virtual=False)
    assert older.abi == "armeabi-v7a"


@pytest.mark.parametrize(
    ("named", "tools", "abis", "said"),
    [
        (None, {}, ("arm64-v8a",), "names no benchmark_model"),
        ("other", {"a": {"x": build("x")}}, ("x",), "no tool named 'other'"),
        (None, {"a": {"x": build("x")}, "b": {"x": build("x")}}, ("x",), "several tools"),
        (None, {"a": {"x": build("x")}}, ("y",), "is there for x"),
        (None, {"a": {"x": build("x")}}, (), "nothing known"),
    ],
)
def test_a_tool_that_cannot_be_chosen_is_refused_with_a_next_step(
    named: str | None, tools: Any, abis: tuple[str, ...], said: str
) -> None:
    with pytest.raises(TargetUnfit, match=said) as refusal:
        choose_tool(named, tools, abis, virtual=False)
    assert refusal.value.hint
