"""What the tool says about delegates: asked for, applied, how much of the graph; real and made up."""

from __future__ import annotations

import pytest
from benchmark_model_captures import Captured, all_captures

from harness.tools.benchmark_model import ToolFacts, parse, parse_options

CAPTURES = {capture.name.rpartition("/")[2]: capture for capture in all_captures()}


def facts(name: str) -> ToolFacts:
    capture = CAPTURES[name]
    return parse(capture.stdout, capture.stderr, capture.exit_code).facts


def merged(name: str) -> Captured:
    """Both streams in one, as somebody pastes them into a report."""
    capture = CAPTURES[name]
    at = capture.stdout.index("INFO: Loaded model")
    return Captured(name, capture.stdout[:at] + capture.stderr + capture.stdout[at:], "", 0)


@pytest.mark.parametrize(
    ("name", "nodes", "partitions", "kernels"),
    [
        ("made_up_e5_gpu_partial", (120, 279), 7, 3),
        ("made_up_e5_two_delegates", (40, 49), 2, 1),
        ("made_up_e5_nnapi_not_executed", (49, 49), 1, None),
        ("made_up_e5_gpu_none", (0, 65), None, None),
        ("made_up_e2_gpu_applied", (None, None), None, None),
        ("partial_delegate_conformer", (None, None), None, 2),
    ],
)
def test_nodes_partitions_and_kernels_are_those_of_the_delegate_that_was_asked_for(
    name: str, nodes: tuple[int | None, int | None], partitions: int | None, kernels: int | None
) -> None:
    said = facts(name)
    assert (said.delegated_nodes, said.total_nodes) == nodes
    assert (said.partitions, said.delegate_kernels) == (partitions, kernels)


def test_streams_in_one_say_the_same() -> None:
    both = merged("made_up_e5_gpu_partial")
    assert parse(both.stdout, "", 0).facts == facts("made_up_e5_gpu_partial")
    assert parse(both.stdout, "", 0).numbers


def test_operators_that_the_gpu_does_not_take_are_listed_with_their_reasons() -> None:
    assert facts("made_up_e5_gpu_partial").unsupported_ops == (
        "DEQUANTIZE:",
        "GATHER_ND: Operation is not supported.",
        "TRANSPOSE_CONV: Max version supported: 3. Requested version 4.",
    )
    assert facts("made_up_e5_gpu_none").unsupported_ops == (
        "SOFTMAX: OP is supported, but tensor type/shape isn't compatible.",
    )
    assert facts("plain").unsupported_ops == ()


@pytest.mark.parametrize(
    ("name", "asked", "applied", "not_applied"),
    [
        ("made_up_e2_gpu_applied", ("GPU",), ("GPU",), ()),
        ("made_up_e1_legacy_nnapi_silent", ("NNAPI",), (), ()),
        ("made_up_e5_two_delegates", ("GPU", "NNAPI"), ("GPU", "NNAPI"), ()),
        ("made_up_e5_nnapi_not_executed", ("GPU", "NNAPI"), ("GPU",), ("NNAPI",)),
        ("made_up_e5_gpu_unsupported", ("GPU",), (), ("GPU",)),
        ("made_up_e5_plan_restored", ("GPU",), (), ("GPU",)),
        ("xnnpack_true", ("XNNPACK",), ("XNNPACK",), ()),
        ("xnnpack_false", (), (), ()),
        ("plain", (), ("XNNPACK",), ()),
        ("py_ff", (), ("XNNPACK",), ()),
        ("made_up_litert_python_gpu", ("GPU",), ("XNNPACK", "GPU"), ()),
        ("made_up_litert_python_gpu_partial", ("GPU",), ("XNNPACK",), ()),
        ("made_up_litert_python_gpu_or_cpu", ("GPU",), ("XNNPACK",), ()),
    ],
)
def test_asked_and_applied_delegates_are_told_apart(
    name: str, asked: tuple[str, ...], applied: tuple[str, ...], not_applied: tuple[str, ...]
) -> None:
    said = facts(name)
    assert (said.asked, said.applied, said.not_applied) == (asked, applied, not_applied)


@pytest.mark.parametrize("name", [name for name in CAPTURES if "e5" in name or "e2_gpu" in name])
def test_without_the_line_that_applies_it_a_delegate_that_was_asked_for_gives_no_number(
    name: str,
) -> None:
    capture = CAPTURES[name]
    lines = capture.stdout.splitlines(keepends=True)
    silent = "".join(line for line in lines if "pplied" not in line)
    failure = parse(silent, "", 0).failure
    assert failure
    assert failure.kind in {"delegate-not-proved", "delegate-refused"}


def test_a_sum_over_subgraphs_counts_each_once() -> None:
    again = (
        "VERBOSE: Replacing 10 out of 20 node(s) with delegate (TfLiteXNNPackDelegate) node, "
        "yielding 3 partitions for subgraph 0.\n"
        "VERBOSE: Replacing 4 out of 5 node(s) with delegate (TfLiteXNNPackDelegate) node, "
        "yielding 2 partitions for subgraph 1 (while_body).\n"
    )
    said = parse(CAPTURES["plain"].stdout, again + again, 0).facts
    assert (said.delegated_nodes, said.total_nodes, said.partitions) == (14, 25, 5)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("ok_cpu", "cpu w/ 2 threads"),
        ("plain", "cpu (xnnpack)"),
        ("xnnpack_false", "cpu"),
        ("made_up_e5_gpu_partial", "gpu-default"),
        ("made_up_e5_nnapi_not_executed", "nnapi(w/o accel name)"),
        ("py_ff", "cpu w/ 2 threads (xnnpack)"),
        ("made_up_litert_python_gpu", "gpu w/ 2 threads"),
        ("made_up_litert_1134", "accelerator not told"),
        ("made_up_tool_missing", "not told"),
        ("no_exec_permission", "not told"),
    ],
)
def test_an_option_is_named_by_what_its_output_tells(name: str, label: str) -> None:
    capture = CAPTURES[name]
    (reading,) = parse_options(capture.stdout, capture.stderr, capture.exit_code)
    assert reading.label == label
