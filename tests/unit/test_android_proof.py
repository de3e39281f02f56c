"""What a variant asks for must be seen; what is not seen is never taken for a yes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from benchmark_model_captures import all_captures

from harness.drivers.android_tflite.options import VariantOptions
from harness.drivers.android_tflite.proof import asked_facts, observed_facts
from harness.drivers.android_tflite.toolchain import DeviceTool
from harness.model import Proof, Scalar
from harness.tools.benchmark_model import ToolFacts, parse
from harness.tools.benchmark_model.parameters import Parameters, read_parameters

CAPTURES = {capture.name.rpartition("/")[2]: capture for capture in all_captures()}
REPLACED = (
    "INFO: Replacing {} out of {} node(s) with delegate (TfLiteGpuDelegateV2) node, "
    "yielding 2 partitions for subgraph 0.\n"
)


def proof(variant: dict[str, Any], facts: ToolFacts, affinity: str = "") -> Proof:
    asked = asked_facts(VariantOptions(**variant))
    return Proof(asked, observed_facts(facts, Parameters(), affinity))


def seen(name: str, change: tuple[str, str] = ("", ""), stderr: str = "") -> ToolFacts:
    said = CAPTURES[name]
    return parse(said.stdout.replace(*change), said.stderr + stderr, said.exit_code).facts


def wrong(found: Proof) -> dict[str, Scalar]:
    return {fact: observed for fact, _, observed in found.mismatches()}


def test_a_plain_variant_asks_for_its_threads_alone() -> None:
    assert asked_facts(VariantOptions()) == {"threads": 1}
    assert asked_facts(VariantOptions(flags={"use_hexagon": False})) == {"threads": 1}
    assert asked_facts(VariantOptions(xnnpack=True)) == {"threads": 1, "xnnpack": True}


@pytest.mark.parametrize(
    ("variant", "delegate"),
    [
        ({"gpu": True}, "GPU"),
        ({"nnapi": True}, "NNAPI"),
        ({"flags": {"use_hexagon": True}}, "Hexagon"),
        ({"flags": {"use_coreml": "true"}}, "COREML"),
        ({"flags": {"external_delegate_path": "/x.so"}}, "EXTERNAL"),
    ],
)
def test_a_delegate_must_be_seen_to_take_something(variant: Any, delegate: str) -> None:
    asked = asked_facts(VariantOptions(**variant))
    assert asked == {"threads": 1, "delegate": delegate, "some_nodes_delegated": True}


@pytest.mark.parametrize("share", ["full", "partial", "any"])
def test_a_delegate_that_took_everything_proves_every_share(share: str) -> None:
    facts = seen("made_up_e3_gpu_43541")
    found = proof({"gpu": True, "delegation": share}, facts)
    assert not wrong(found).keys() - {"threads"}


PARTIAL = (
    "completely executed by the delegate.",
    "partially executed by the delegate w/ 2 delegate kernels.",
)


@pytest.mark.parametrize(
    ("share", "mismatch"), [("full", {"all_nodes_delegated": False}), ("partial", {}), ("any", {})]
)
def test_a_part_of_the_graph_is_not_the_whole(share: str, mismatch: dict[str, Scalar]) -> None:
    facts = seen("made_up_e3_gpu_43541", PARTIAL, REPLACED.format(3, 9))
    found = proof({"gpu": True, "delegation": share}, facts)
    assert {**wrong(found), "threads": 0} == {**mismatch, "threads": 0}
    assert found.observed["nodes_delegated"] == "3 of 9"


def test_words_and_numbers_that_contradict_each_other_prove_the_lesser() -> None:
    fewer = seen("made_up_e3_gpu_43541", stderr=REPLACED.format(3, 9))
    assert "all_nodes_delegated" in wrong(proof({"gpu": True, "delegation": "full"}, fewer))
    more = seen("made_up_e3_gpu_43541", PARTIAL, REPLACED.format(9, 9))
    assert "all_nodes_delegated" in wrong(proof({"gpu": True, "delegation": "full"}, more))


def test_a_build_that_does_not_say_how_much_is_only_good_for_any() -> None:
    quiet = ToolFacts(threads=1, asked=("GPU",), applied=("GPU",), delegate="GPU")
    assert not wrong(proof({"gpu": True, "delegation": "any"}, quiet))
    assert wrong(proof({"gpu": True}, quiet)) == {"some_nodes_delegated": None}
    full = {"gpu": True, "delegation": "full"}
    assert wrong(proof(full, quiet)) == {"all_nodes_delegated": None}


@pytest.mark.parametrize("share", ["full", "partial", "any"])
def test_a_delegate_that_took_no_node_proves_nothing(share: str) -> None:
    none = ToolFacts(threads=1, applied=("GPU",), delegate="GPU", delegated_nodes=0, total_nodes=9)
    assert wrong(proof({"gpu": True, "delegation": share}, none))["delegate"] is None


@pytest.mark.parametrize("share", ["full", "partial", "any"])
def test_silence_is_no_delegate(share: str) -> None:
    silent = seen("threads2")
    found = wrong(proof({"gpu": True, "delegation": share, "threads": 2}, silent))
    assert found["delegate"] != "GPU"


def test_xnnpack_may_take_what_another_delegate_left_over() -> None:
    both = ToolFacts(threads=1, xnnpack=True, applied=("XNNPACK", "GPU"), delegation="partially")
    assert not wrong(proof({"gpu": True}, both))


def test_the_real_tool_proves_full_and_partial_xnnpack() -> None:
    full = {"xnnpack": True, "delegation": "full"}
    whole = wrong(proof(full, seen("require_full_delegation_xnn")))
    assert whole == {"threads": None}  # that capture was not told how many
    part = wrong(proof(full, seen("partial_delegate_conformer")))
    assert part["all_nodes_delegated"] is False


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("Cpus_allowed_list:\t4-7\n", "4-7"),
        ("Cpus_allowed_list: 4-7\r\n", "4-7"),
        ("Cpus_allowed_list: 0-7\n", "0-7"),
        ("Cpus_allowed_list: 4-", None),
        ("Cpus_allowed_list: 4-7", None),
        ("4-7\n", None),
        ("", None),
    ],
)
def test_cores_are_what_the_kernel_said(text: str, cores: str | None) -> None:
    found = proof({"cores": "4-7"}, ToolFacts(threads=1), text)
    assert found.observed["cores"] == cores
    assert bool(found.mismatches()) == (cores != "4-7")


def test_parameters_are_read_where_the_tool_says_them() -> None:
    said = (
        "INFO: Use gpu: [1]\nINFO: Allow lower precision in gpu: [0]\n"
        "INFO: NNAPI accelerator name: [google-edgetpu]\n"
    )
    assert read_parameters(said) == Parameters(False, "google-edgetpu")
    assert read_parameters(said.replace("\n", "\r\n")) == Parameters(False, "google-edgetpu")
    assert read_parameters(said + said.replace("[0]", "[1]")).precision_loss is None
    assert read_parameters("") == Parameters()


def test_a_precision_that_was_not_confirmed_is_a_mismatch() -> None:
    facts = seen("made_up_e3_gpu_43541")
    asked = asked_facts(VariantOptions(gpu=True, precision_loss=False))
    assert asked["precision_loss"] is False
    for parameters, good in ((Parameters(), False), (Parameters(precision_loss=False), True)):
        observed = observed_facts(facts, parameters, "")
        assert (observed["precision_loss"] is False) == good


@pytest.mark.parametrize("name", ["perfgpu_all", "perf_options_default"])
def test_a_run_of_several_options_never_proves_one(name: str) -> None:
    said = CAPTURES[name]
    reading = parse(said.stdout, said.stderr, 0)
    assert reading.numbers is None
    assert reading.failure is not None
    assert reading.failure.kind in {"several-runs", "crashed"}


@pytest.mark.parametrize(
    ("said", "kind"),
    [("benchmark_model", "benchmark_model"), ("benchmark_litert_model", "litert"), ("", None)],
)
def test_which_program_ran_is_told_by_its_output(said: Any, kind: str | None) -> None:
    observed = observed_facts(ToolFacts(tool=said), read_parameters(""), "")
    assert observed["tool_kind"] == kind


def test_a_tool_that_says_its_kind_must_show_it() -> None:
    tool = DeviceTool("nightly", "x86_64", "0" * 64, "/tool", frozenset(), "litert")
    observed = observed_facts(ToolFacts(tool="benchmark_model"), Parameters(), "")
    assert Proof(tool.asked(), observed).mismatches() == (
        ("tool_kind", "litert", "benchmark_model"),
    )
    assert replace(tool, kind="").asked() == {}
