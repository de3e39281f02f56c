"""Reading `.tflite` graphs: right on whole files, one clear line on every other."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.graphs import tflite_schema
from harness.graphs.builder import GraphBuilder
from harness.graphs.tflite_names import OPERATORS, TYPES
from harness.graphs.tflite_reader import TfliteModel, read_graphs, read_tflite
from harness.graphs.tflite_writer import write_tflite
from harness.memory_plan.kernel_scratch import KERNELS
from harness.memory_plan.tflite_arena import planned_arena
from harness.memory_plan.tflite_records import record_sets, roles
from harness.plugins import build_network, registry

SCHEMA: Any = tflite_schema.schema()
WHERE = "some.tflite"


@cache
def small() -> bytes:
    net = GraphBuilder("small", 1)
    x = net.conv(net.input((1, 8, 8, 3)), 4, kernel=3, stride=2)
    y = net.add(net.depthwise(x), x)
    return write_tflite(net.build(net.softmax(net.dense(net.global_average(y), 5), name="out")))


def parsed() -> Any:
    return SCHEMA.ModelT.InitFromPackedBuf(small(), 0)


def refusal(data: bytes) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        read_graphs(data, WHERE)
    assert caught.value.where == WHERE
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    return caught.value


def changed(change: Any) -> bytes:
    model = parsed()
    change(model, model.subgraphs[0])
    return tflite_schema.packed(model)


def test_names_are_numbered_as_in_the_schema() -> None:
    for names, enum in ((OPERATORS, SCHEMA.BuiltinOperator), (TYPES, SCHEMA.TensorType)):
        numbered = {value: key for key, value in vars(enum).items() if not key.startswith("_")}
        assert dict(enumerate(names)) == numbered


def test_it_reads_what_the_schemas_own_code_reads() -> None:
    graph, (ours,) = parsed().subgraphs[0], read_graphs(small(), WHERE)
    assert [t.name for t in ours.tensors] == [t.name.decode() for t in graph.tensors]
    assert [t.shape for t in ours.tensors] == [tuple(t.shape) for t in graph.tensors]
    assert [op.inputs for op in ours.operators] == [tuple(op.inputs) for op in graph.operators]
    assert [op.code for op in ours.operators][:2] == ["CONV_2D", "DEPTHWISE_CONV_2D"]
    assert (ours.operators[0].options is None, ours.operators[0].options.stride_h) == (False, 2)  # type: ignore[union-attr]  # the first half says that it is there


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"TFL", "outside"),
        (b"\x00" * 64, "not TFL3"),
        (b"PK\x03\x04 a zip archive, not a model", "not TFL3"),
    ],
)
def test_other_files_are_refused(data: bytes, said: str) -> None:
    assert said in refusal(data).message


def test_an_empty_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.tflite"
    empty.touch()
    for path, said in ((empty, "empty"), (tmp_path / "none.tflite", "cannot be read")):
        with pytest.raises(SuiteError, match=said):
            read_tflite(path)


def test_a_file_cut_at_any_byte_is_refused() -> None:
    whole = small()
    last_content = len(whole.rstrip(b"\0"))
    for length in range(last_content):
        refusal(whole[:length])


def set_index(model: Any, graph: Any) -> None:
    graph.operators[1].inputs = [99, *graph.operators[1].inputs[1:]]


def set_output_index(model: Any, graph: Any) -> None:
    graph.outputs = [-1]


def set_buffer(model: Any, graph: Any) -> None:
    graph.tensors[3].buffer = 1000


def set_code(model: Any, graph: Any) -> None:
    graph.operators[2].opcodeIndex = 77


def set_type(model: Any, graph: Any) -> None:
    graph.tensors[1].type = 100


def set_string(model: Any, graph: Any) -> None:
    graph.tensors[1].type = SCHEMA.TensorType.STRING


def set_resource(model: Any, graph: Any) -> None:
    graph.tensors[0].type = SCHEMA.TensorType.RESOURCE


def set_negative(model: Any, graph: Any) -> None:
    graph.tensors[1].shape = [1, -4, 4, 4]


def set_open_input(model: Any, graph: Any) -> None:
    graph.tensors[0].shapeSignature = [-1, 8, 8, 3]


def set_huge(model: Any, graph: Any) -> None:
    graph.tensors[1].shape = [2**31 - 1] * 4


def set_late(model: Any, graph: Any) -> None:
    graph.operators.reverse()


def set_twice(model: Any, graph: Any) -> None:
    graph.operators[1].outputs = list(graph.operators[0].outputs)


def set_constant_shape(model: Any, graph: Any) -> None:
    graph.tensors[graph.operators[0].inputs[1]].shape = [4, 3, 3, 4]


def drop_graphs(model: Any, graph: Any) -> None:
    model.subgraphs = []


def custom_on_two_lines(model: Any, graph: Any) -> None:
    custom = SCHEMA.BuiltinOperator.CUSTOM
    model.operatorCodes[0] = SCHEMA.OperatorCodeT(
        deprecatedBuiltinCode=custom, builtinCode=custom, customCode="two\nlines"
    )
    graph.operators[0].inputs = [99]


def unknown_operator(model: Any, graph: Any) -> None:
    model.operatorCodes[0].builtinCode = 5000


def drop_weights(model: Any, graph: Any) -> None:
    graph.operators[0].inputs = [graph.operators[0].inputs[0]]


def leave_out_weights(model: Any, graph: Any) -> None:
    data, _, *others = graph.operators[0].inputs
    graph.operators[0].inputs = [data, -1, *others]


def drop_result(model: Any, graph: Any) -> None:
    graph.operators[1].outputs = []


def one_number(model: Any, graph: Any) -> None:
    graph.tensors[0].shape = []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_weights, ("operator 0 CONV_2D has no data, no weights or no result",)),
        (leave_out_weights, ("operator 0 CONV_2D has no data, no weights or no result",)),
        (drop_result, ("operator 1 DEPTHWISE_CONV_2D has no data, no weights or no result",)),
        (one_number, ("operator 0 CONV_2D reads tensor 0 'input', a single number",)),
        (set_index, ("inputs of operator 1 DEPTHWISE_CONV_2D", "tensor 99")),
        (set_output_index, ("outputs of subgraph 0", "tensor -1")),
        (set_buffer, ("tensor 3", "buffer 1000")),
        (set_code, ("operator 2", "code 77")),
        (set_type, ("tensor 1 'conv_0'", "unknown type 100")),
        (set_string, ("tensor 1 'conv_0'", "operator 0 CONV_2D", "string")),
        (set_resource, ("tensor 0 'input'", "an input of the graph", "resource")),
        (set_negative, ("tensor 1 'conv_0'", "operator 0 CONV_2D", "-4")),
        (set_open_input, ("tensor 0 'input'", "[-1, 8, 8, 3]")),
        (set_huge, ("tensor 1 'conv_0'", "more than any memory")),
        (set_late, ("operator 0 SOFTMAX", "before any operator has written it")),
        (set_twice, ("operator 1 DEPTHWISE_CONV_2D", "already there")),
        (set_constant_shape, ("conv_0/kernel", "its buffer has 432 bytes")),
        (drop_graphs, ("no subgraph",)),
        (custom_on_two_lines, ("inputs of operator 0 CUSTOM two?lines", "tensor 99")),
        (unknown_operator, ("operator code 0 is 5000",)),
    ],
)
def test_a_refusal_names_tensor_and_operator(change: Any, words: tuple[str, ...]) -> None:
    message = refusal(changed(change)).message
    assert [word for word in words if word not in message] == [], message


def test_an_open_input_is_answered_by_the_option_that_closes_it() -> None:
    assert "--input-shape 'input=" in refusal(changed(set_open_input)).hint
    (graph,) = read_graphs(changed(set_open_input), WHERE, {0: (2, 8, 8, 3)})
    assert graph.tensors[0].size_bytes == 2 * 8 * 8 * 3 * 4


def test_buffers_behind_the_flatbuffer_are_constants_too() -> None:
    model = parsed()
    graph = model.subgraphs[0]
    kernel = graph.operators[0].inputs[1]
    buffer = model.buffers[graph.tensors[kernel].buffer]
    data = bytes(buffer.data)
    buffer.data, buffer.size = None, len(data)
    buffer.offset = 1 << 40  # as wide as the real one
    start = len(tflite_schema.packed(model))
    buffer.offset = start
    head = tflite_schema.packed(model)
    assert len(head) == start
    (found,) = read_graphs(head + data, WHERE)
    assert (found.tensors[kernel].constant, found.tensors[kernel].size_bytes) == (True, len(data))
    assert "outside" in refusal(head + data[:-1]).message


def test_four_bit_tensors_are_rounded_up_one_by_one() -> None:
    def change(model: Any, graph: Any) -> None:
        graph.tensors[1].type, graph.tensors[1].shape = SCHEMA.TensorType.INT4, [3, 3]

    assert read_graphs(changed(change), WHERE)[0].tensors[1].size_bytes == 5


def test_an_output_that_is_read_inside_is_no_intermediate() -> None:
    def change(model: Any, graph: Any) -> None:
        graph.outputs = [*graph.outputs, graph.operators[0].outputs[0]]

    before, after = (read_graphs(data, WHERE)[0] for data in (small(), changed(change)))
    assert set(roles(before).intermediates) - set(roles(after).intermediates) == {1}


def test_unpacked_constants_and_variables_are_counted_apart() -> None:
    def change(model: Any, graph: Any) -> None:
        kernel = graph.operators[0].inputs[1]
        graph.tensors.append(SCHEMA.TensorT(name="unpacked", shape=[4, 3, 3, 3], buffer=0))
        graph.tensors.append(SCHEMA.TensorT(name="state", shape=[2], buffer=0, isVariable=True))
        model.operatorCodes.append(SCHEMA.OperatorCodeT(deprecatedBuiltinCode=6, builtinCode=6))
        graph.operators.insert(
            0,
            SCHEMA.OperatorT(
                opcodeIndex=len(model.operatorCodes) - 1,
                inputs=[kernel],
                outputs=[len(graph.tensors) - 2],
            ),
        )
        first, _, bias = graph.operators[1].inputs
        graph.operators[1].inputs = [first, len(graph.tensors) - 2, bias]

    graphs = read_graphs(changed(change), WHERE)
    (records,) = record_sets(TfliteModel(Path(WHERE), graphs))
    assert "unpacked" not in {record.name for record in records.records}
    assert "1 unpacked constants (432 bytes), 1 variables (8 bytes)" in records.source


def test_bodies_of_if_and_while_have_plans_of_their_own() -> None:
    def change(model: Any, graph: Any) -> None:
        body = parsed().subgraphs[0]
        body.name = "body"
        model.subgraphs.append(body)

    sets = record_sets(TfliteModel(Path(WHERE), read_graphs(changed(change), WHERE)))
    assert [each.title for each in sets] == ["some/main", "some/body"]
    assert sets[0].records == sets[1].records


def test_operators_whose_scratch_memory_is_not_known_are_named() -> None:
    def change(model: Any, graph: Any) -> None:
        svdf = SCHEMA.BuiltinOperator.SVDF
        model.operatorCodes[0].deprecatedBuiltinCode = svdf
        model.operatorCodes[0].builtinCode = svdf

    (graph,) = read_graphs(changed(change), WHERE)
    assert planned_arena(graph).unmodelled == ("SVDF",)
    assert planned_arena(read_graphs(small(), WHERE)[0]).unmodelled == ()


@pytest.mark.parametrize("inputs", [[1], [1, -1], [1, 2, 3]])
def test_a_reduction_without_its_axes_has_scratch_memory_that_is_not_known(
    inputs: list[int],
) -> None:
    def change(model: Any, graph: Any) -> None:
        mean = next(each for each in graph.operators if code_of(model, each) == "MEAN")
        mean.inputs = [*mean.inputs, mean.inputs[0]][: len(inputs)]
        if -1 in inputs:
            mean.inputs[inputs.index(-1)] = -1

    (graph,) = read_graphs(changed(change), WHERE)
    assert planned_arena(graph).unmodelled == ("MEAN",)


def code_of(model: Any, operator: Any) -> str:
    numbers = {number: name for name, number in vars(SCHEMA.BuiltinOperator).items()}
    return str(numbers[model.operatorCodes[operator.opcodeIndex].builtinCode])


def total(data: bytes) -> int:
    """Plan all arenas of a file too, and return the bytes of its intermediate tensors."""
    model = TfliteModel(Path(WHERE), read_graphs(data, WHERE))
    for graph in model.graphs:
        for kernels in KERNELS:
            planned_arena(graph, kernels=kernels)
    return sum(record.size_bytes for each in record_sets(model) for record in each.records)


def agrees(counted: int, data: bytes) -> bool:
    """Compare with the schema's generated code, where that can read the file at all."""
    try:
        return counted == independent_total(data)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError, TypeError, ValueError):
        return True


def independent_total(data: bytes) -> int:
    """Count the sizes of what operators write, as the generated code sees the file."""
    model = SCHEMA.ModelT.InitFromPackedBuf(data, 0)
    bits = {0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64}
    bits |= {15: 32, 16: 16, 17: 4, 18: 16, 19: 2, 20: 4, 21: 8, 22: 8}
    found = 0
    for graph in model.subgraphs:
        apart = {*(graph.outputs if graph.outputs is not None else ()), *graph.inputs}
        constant = {
            index
            for index, tensor in enumerate(graph.tensors)
            if model.buffers[tensor.buffer].data is not None
        }
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            unpacks = max(code.builtinCode, code.deprecatedBuiltinCode) in {6, 124}
            if unpacks and set(operator.inputs) <= constant:
                constant.update(operator.outputs)
                continue
            for index in operator.outputs:
                if index not in apart:
                    tensor = graph.tensors[index]
                    elements = 1
                    for size in tensor.shape if tensor.shape is not None else ():
                        elements *= int(size)
                    found += -(-elements * bits[tensor.type] // 8)
    return found


@cache
def blazeface() -> bytes:
    return write_tflite(build_network(registry("models").get("blazeface_front"), 1))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from([small, small, small, blazeface]))
def test_a_damaged_file_is_refused_or_counted_right(
    data: st.DataObject, whole: Callable[[], bytes]
) -> None:
    damaged = bytearray(whole())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(damaged))))
    broken = bytes(damaged[:cut])
    try:
        counted = total(broken)
    except SuiteError as error:
        assert error.where == WHERE
        assert "\n" not in str(error)
        return
    assert agrees(counted, broken)


def test_the_independent_count_is_the_same_on_a_whole_file() -> None:
    assert total(small()) == independent_total(small()) > 0


def test_every_offset_set_to_an_extreme_is_refused_or_counted_right() -> None:
    whole = small()
    for place in range(0, min(len(whole), 3000), 4):
        for value in (0, 0xFFFFFFFF):
            broken = whole[:place] + struct.pack("<I", value) + whole[place + 4 :]
            try:
                counted = total(broken)
            except SuiteError:
                continue
            assert agrees(counted, broken)
