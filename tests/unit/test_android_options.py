"""What a suite may say about Android targets, and the command line that comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.core_sets import core_list, core_mask, core_numbers
from harness.drivers.android_tflite.command import Places, flags_of_run, layer_names
from harness.drivers.android_tflite.options import OWN_FLAGS, TargetOptions, VariantOptions
from harness.drivers.android_tflite.tool_kinds import refuse_keys_without_a_flag
from harness.drivers.android_tflite.toolchain import choose_tool
from harness.errors import RunFailed, SuiteError, TargetNotFound, TargetUnfit
from harness.model import Tensor
from harness.options import Sampling, Timed, Warmup
from harness.plugins import ToolFile, driver
from harness.serials import hashed, masked, masking
from harness.suite.load import load

EVERYTHING = frozenset(OWN_FLAGS)
OLDER = EVERYTHING - {"result_file_path"}
INPUT = Tensor("input", (1, 4), "float32", bytes(16))
SAMPLING = Sampling(
    warmup=Warmup(iterations=25, seconds=1.5), timed=Timed(iterations=50, max_seconds=10)
)


def flags(known: frozenset[str] = EVERYTHING, **changes: Any) -> dict[str, str]:
    variant = VariantOptions(**changes.pop("variant", {}))
    call: dict[str, Any] = {
        "pass_": "latency",
        "sampling": SAMPLING,
        "inputs": (INPUT,),
        "places": Places("/m", ("/i",), "/o", "/r", "/p"),
    } | changes
    lines = flags_of_run(variant=variant, known=known, **call)
    split = [line.removeprefix("--").partition("=") for line in lines]
    found = {name: value for name, _, value in split}
    assert len(found) == len(lines)
    return found


def test_a_run_has_exactly_these_flags() -> None:
    assert flags(OLDER) == {
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
        "gpu": True,
        "precision_loss": False,
        "flags": {"gpu_backend": "cl", "use_caching": True, "run_delay": 0.25, "n": 3},
    }
    given_ = flags(variant=variant)
    assert given_["num_threads"] == "4"
    assert given_["use_xnnpack"] == "false"
    assert given_["use_gpu"] == "true"
    assert given_["gpu_precision_loss_allowed"] == "false"
    assert given_["gpu_backend"] == "cl"
    assert given_["use_caching"] == "true"
    assert given_["run_delay"] == "0.25"
    assert given_["n"] == "3"


def test_an_accelerator_is_asked_for_in_the_tools_spelling() -> None:
    named = flags(variant={"nnapi": "google-edgetpu"})
    assert (named["use_nnapi"], named["nnapi_accelerator_name"]) == ("true", "google-edgetpu")
    assert "nnapi_accelerator_name" not in flags(variant={"nnapi": True})
    assert not {"use_gpu", "use_nnapi", "use_xnnpack"} & set(flags())


def test_full_delegation_is_asked_of_the_tool_where_it_can_be() -> None:
    full = {"gpu": True, "delegation": "full"}
    assert flags(variant=full)["require_full_delegation"] == "true"
    assert "require_full_delegation" not in flags(variant={"gpu": True})
    older = EVERYTHING - {"require_full_delegation"}
    assert "require_full_delegation" not in flags(older, variant=full)
    # The tool fails for an XNNPACK that nobody asked for by name, so it must be asked by name.
    by_name = flags(variant={"xnnpack": True, "delegation": "full"})
    assert by_name["use_xnnpack"] == by_name["require_full_delegation"] == "true"


def test_litert_is_asked_for_full_delegation_without_its_cpu_accelerator() -> None:
    full = flags(kind="litert", variant={"gpu": True, "delegation": "full"})
    assert (full["use_gpu"], full["require_full_delegation"]) == ("true", "true")
    assert full["use_cpu"] == "false"
    assert "use_cpu" not in flags(kind="litert", variant={"gpu": True})
    npu = {"flags": {"use_npu": True}, "delegation": "full"}
    assert flags(kind="litert", variant=npu)["use_cpu"] == "false"
    for other in ("", "benchmark_model"):
        assert "use_cpu" not in flags(kind=other, variant={"gpu": True, "delegation": "full"})


@pytest.mark.parametrize(
    ("key", "variant"),
    [
        ("xnnpack", {"xnnpack": True}),
        ("xnnpack", {"xnnpack": False}),
        ("nnapi", {"nnapi": True}),
        ("nnapi", {"nnapi": "google-edgetpu"}),
        ("precision_loss", {"gpu": True, "precision_loss": False}),
    ],
)
def test_a_key_without_a_flag_of_litert_is_refused_by_name(
    key: str, variant: dict[str, Any]
) -> None:
    with pytest.raises(RunFailed, match=f"nightly cannot do `{key}`") as refused:
        refuse_keys_without_a_flag("nightly", "litert", VariantOptions(**variant))
    assert refused.value.kind == "unsupported"
    for other in ("", "benchmark_model"):
        refuse_keys_without_a_flag("stable", other, VariantOptions(**variant))


@pytest.mark.parametrize("variant", [{}, {"gpu": True}, {"flags": {"use_npu": True}}])
def test_keys_that_litert_has_flags_for_are_not_refused(variant: dict[str, Any]) -> None:
    refuse_keys_without_a_flag("nightly", "litert", VariantOptions(**variant))


def test_the_tools_own_results_are_asked_for_where_it_writes_them() -> None:
    assert flags()["result_file_path"] == "/r"
    assert "result_file_path" not in flags(OLDER)


def test_the_profiler_runs_in_the_ops_pass_alone() -> None:
    assert not any("profiling" in name for name in [*flags(), *flags(pass_="memory")])
    newest = flags(pass_="ops")
    assert newest["enable_op_profiling"] == "true"
    assert (newest["op_profiling_output_mode"], newest["op_profiling_output_file"]) == ("csv", "/p")
    older = EVERYTHING - {"op_profiling_output_mode"}
    assert flags(older, pass_="ops")["profiling_output_csv_file"] == "/p"
    assert "op_profiling_output_file" not in flags(older, pass_="ops")
    assert "output_filepath" not in newest


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"gpu": True, "nnapi": True}, "exclude each other"),
        ({"precision_loss": True}, "belongs to `gpu"),
        ({"delegation": "full"}, "needs a delegate"),
        ({"delegation": "full", "xnnpack": False}, "needs a delegate"),
        ({"gpu": True, "delegation": "all"}, "full"),
        ({"nnapi": "a b"}, "nnapi"),
        ({"nnapi": ""}, "nnapi"),
        ({"cores": "4 to 7"}, "names no cores"),
        ({"cores": "7-4"}, "names no cores"),
        ({"cores": "0x0"}, "names no cores"),
        ({"cores": "0-4096"}, "names no cores"),
        ({"cores": -1}, "cores"),
        ({"tool": ""}, "tool"),
    ],
)
def test_variants_that_contradict_themselves_are_refused(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        VariantOptions(**bad)


@settings(deadline=None)
@given(st.frozensets(st.integers(0, 300), min_size=1))
def test_cores_are_the_same_as_a_list_and_as_a_mask(cores: frozenset[int]) -> None:
    assert core_numbers(core_list(cores)) == cores
    assert core_numbers(f"0x{core_mask(cores)}") == cores


def test_cores_are_listed_as_the_kernel_does() -> None:
    assert core_list(core_numbers("0xf1")) == "0,4-7"
    assert core_list(core_numbers("1,0,2,3")) == "0-3"
    assert VariantOptions(cores=4).core_set == frozenset({4})


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


def test_a_variants_tool_must_be_one_of_the_suite(tmp_path: Path) -> None:
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "suite: s\n"
        "models: {m: {generate: blazeface_front, seed: 7}}\n"
        "tools: {nightly: {x86_64: ./n}}\n"
        "targets: {t: {driver: android-tflite, variants: {v: {tool: nightyl}}}}\n"
    )
    with pytest.raises(SuiteError, match=r"suite.yaml:4:.*no tool named 'nightyl'") as mistake:
        load(suite)
    assert "nightly" in f"{mistake.value}{mistake.value.hint}"
