"""TFLite's arena as planned is the real interpreter's, to the byte, on every generated model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from harness.cli.memory_models import arena_rows, load, measured_bytes
from harness.errors import RunFailed, SuiteError
from harness.graphs import tflite_schema
from harness.graphs.description import Graph
from harness.graphs.tflite_precisions import write_tflite_file
from harness.graphs.tflite_reader import read_tflite
from harness.memory_plan.kernel_scratch import KERNELS
from harness.memory_plan.tflite_arena import planned_arena
from harness.outputs import PRECISIONS, Precision
from harness.plugins import build_network, registry
from harness.transports.litert_arena import allocate

pytestmark = pytest.mark.litert
NETWORKS = tuple(sorted({*registry("models").names} - {"bert", "mobilebert"}))
"""Those whose every operator is modelled; of the others' matrix products the plan says otherwise."""
# What its last, wide layer keeps lies in a second arena so near to the first that it is measured
# with it; the plan is of the first alone.
OFF = {("recommendation", "dynamic")}
EXACT = [(name, kind) for name in NETWORKS for kind in PRECISIONS if (name, kind) not in OFF]


@cache
def built(network: str) -> Graph:
    graph: Graph = build_network(registry("models").get(network), 1)
    return graph


@pytest.fixture
def model(tmp_path: Path, network: str, precision: Precision) -> Path:
    path = tmp_path / f"{network}.tflite"
    path.write_bytes(write_tflite_file(built(network), precision))
    return path


@pytest.mark.parametrize(("network", "precision"), EXACT)
def test_planned_is_measured_to_the_byte(model: Path) -> None:
    (graph,) = read_tflite(model).graphs
    for kernels in KERNELS:
        planned = planned_arena(graph, kernels=kernels)
        assert planned.unmodelled == ()
        assert planned.plan.total_bytes == measured_bytes(graph, allocate(model, kernels)), kernels


@pytest.mark.parametrize("precision", ["fp32"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_tensor_lies_where_it_is_planned(model: Path) -> None:
    (graph,) = read_tflite(model).graphs
    plan = planned_arena(graph).plan
    placed = {t.index: t.address for t in allocate(model).tensors if t.address is not None}
    base = placed[graph.inputs[0]]
    for index in (*graph.inputs, *(out for op in graph.operators for out in op.outputs)):
        assert plan.blocks[plan.shared.get(index, index)].offset == placed[index] - base


@pytest.mark.parametrize("precision", ["fp32"])
@pytest.mark.parametrize("network", ["bert", "mobilebert"])
def test_what_is_not_modelled_of_an_encoder_is_named(model: Path) -> None:
    (graph,) = read_tflite(model).graphs
    planned = planned_arena(graph, kernels="reference")
    assert planned.unmodelled == ("BATCH_MATMUL",)
    assert planned.plan.total_bytes <= measured_bytes(graph, allocate(model, "reference"))


@pytest.mark.parametrize("precision", ["fp32"])
@pytest.mark.parametrize("network", ["blazeface_front"])
def test_xnnpack_empties_the_arena(model: Path) -> None:
    (graph,) = read_tflite(model).graphs
    ends = sum(graph.tensors[index].size_bytes for index in (*graph.inputs, *graph.outputs))
    assert measured_bytes(graph, allocate(model, "xnnpack")) == ends


@pytest.mark.parametrize("precision", ["fp32"])
@pytest.mark.parametrize("network", ["blazeface_front"])
def test_a_damaged_shape_that_still_is_a_model_is_told(model: Path) -> None:
    whole = tflite_schema.schema().ModelT.InitFromPackedBuf(model.read_bytes(), 0)
    whole.subgraphs[0].tensors[1].shape = [1, 64, 64, 25]
    model.write_bytes(tflite_schema.packed(whole))
    notes = [row.note for row in arena_rows(load(model, {}), "tflite", {}, measure=True)]
    assert [note for note in notes if note.endswith("with reference kernels differ")]


@pytest.mark.parametrize("precision", ["fp32"])
@pytest.mark.parametrize("network", ["mobilenet_v2"])
def test_an_open_batch_is_closed_by_a_given_shape(model: Path) -> None:
    schema = tflite_schema.schema()
    whole = schema.ModelT.InitFromPackedBuf(model.read_bytes(), 0)
    for tensor in whole.subgraphs[0].tensors:
        if tensor.buffer == 0:
            tensor.shapeSignature = [-1, *list(tensor.shape)[1:]]
    model.write_bytes(tflite_schema.packed(whole))
    with pytest.raises(SuiteError, match=r"\[-1, 224, 224, 3\]"):
        load(model, {})
    (graph,) = load(model, {"input": (2, 224, 224, 3)}).graphs
    allocated = allocate(model, "reference", {"input": (2, 224, 224, 3)})
    assert graph.tensors[graph.inputs[0]].size_bytes == 2 * 602112
    assert planned_arena(graph).plan.total_bytes == measured_bytes(graph, allocated)
    with pytest.raises(SuiteError, match="no input 'x'"):
        load(model, {"x": (1,)})


def test_a_file_that_litert_refuses_is_an_error_and_no_crash_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "damaged.tflite"
    path.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(200))
    with pytest.raises(RunFailed):
        allocate(path)


@pytest.mark.parametrize("precision", ["fp32"])
@pytest.mark.parametrize("network", ["blazeface_front"])
def test_a_model_may_be_named_from_where_one_stands(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    assert allocate(Path(model.name), "reference").inputs == allocate(model, "reference").inputs
