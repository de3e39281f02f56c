"""Reads the graphs of a `.tflite` file: tensors with their bytes, operators in order, no weights.

The file is mapped, not read: only its tables are touched, so a model of any size costs what its
graph costs. Every index and every offset is checked, also of what is not used, for a plan that is
made from a damaged file is worse than none. Nothing is needed but the file.
Fields: tensorflow/compiler/mlir/lite/schema/schema.fbs, numbered as declared.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

from harness.errors import SuiteError
from harness.graphs.description import Shape
from harness.graphs.flatbuffer import Damaged, Extent, Table
from harness.graphs.tflite_names import OPERATORS, TYPE_BITS, TYPES, UNSIZED

_IDENTIFIER = b"TFL3"
_CUSTOM = OPERATORS.index("CUSTOM")
_CONV_2D_OPTIONS = 1
_OUTSIDE = 2  # buffers with `offset` > 1 lie behind the flatbuffer
_MAX_BYTES = 2**62
WEIGHED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Operators that multiply their first input by weights, the second."""
_REFETCH = "name the file as its converter wrote it, whole; try to fetch it again"


@dataclass(frozen=True, slots=True)
class Conv2DOptions:
    """What decides whether a CONV_2D needs scratch memory."""

    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1


@dataclass(frozen=True, slots=True)
class TfliteTensor:
    """A tensor of a graph; `size_bytes` of a constant is what its data takes in the file.

    `per_channel`: its quantisation has scales that differ from each other.
    """

    index: int
    name: str
    shape: Shape
    dtype: str
    size_bytes: int
    constant: bool
    variable: bool
    per_channel: bool = False

    @property
    def label(self) -> str:
        return self.name or f"tensor {self.index}"


@dataclass(frozen=True, slots=True)
class TfliteOperator:
    """An operator; inputs and outputs are indices of tensors, -1 an input that is left out."""

    index: int
    code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Conv2DOptions | None = None

    @property
    def label(self) -> str:
        return f"operator {self.index} {self.code}"


@dataclass(frozen=True, slots=True)
class TfliteGraph:
    """One subgraph, checked: every tensor is written before it is read, and once."""

    index: int
    name: str
    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TfliteModel:
    """A model file: subgraph 0 is what an application invokes, others are bodies of IF or WHILE."""

    path: Path
    graphs: tuple[TfliteGraph, ...]


def read_tflite(path: Path, shapes: Mapping[int, Shape] | None = None) -> TfliteModel:
    """Return the graphs of a file; `shapes` (tensor → shape) go before those of subgraph 0.

    Raises:
        SuiteError: the file is damaged or of another kind, or the size of a tensor is not known
            before the model runs; the message names tensor and operator.
    """
    with _mapped(path) as data:
        return TfliteModel(path, read_graphs(data, str(path), shapes))


def read_graphs(
    data: memoryview | bytes, where: str, shapes: Mapping[int, Shape] | None = None
) -> tuple[TfliteGraph, ...]:
    """Return the graphs in the bytes of a file; raises as `read_tflite`."""
    try:
        return _Reader(data, where).graphs(shapes or {})
    except Damaged as error:
        raise SuiteError(
            f"this .tflite file is damaged: {error}", where=where, hint=_REFETCH
        ) from error


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview | bytes]:
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                yield b""
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                view = memoryview(mapped)
                try:
                    yield view
                finally:
                    view.release()
    except OSError as error:
        raise SuiteError(
            f"cannot be read: {error.strerror}", where=str(path), hint="check the file's path"
        ) from error


@dataclass(frozen=True, slots=True)
class _Data:
    """The bytes of a buffer in the file, or behind it; None where it holds nothing."""

    size_bytes: int | None


class _Reader:
    """Walks through one file."""

    def __init__(self, data: memoryview | bytes, where: str) -> None:
        self.where = where
        self.extent = Extent(len(data))
        if not data:
            raise Damaged("it is empty")
        self.extent.claim(0, 8, "the head")
        if bytes(data[4:8]) != _IDENTIFIER:
            raise self.refused(
                f"this is no .tflite file: bytes 4 to 8 are {bytes(data[4:8])!r}, not TFL3",
                _REFETCH,
            )
        self.model = Table.root(data, self.extent, "the model")

    def refused(self, message: str, hint: str) -> SuiteError:
        return SuiteError(message, where=self.where, hint=hint)

    def graphs(self, shapes: Mapping[int, Shape]) -> tuple[TfliteGraph, ...]:
        codes = [self.operator_code(code) for code in self.model.tables(1, "operator code")]
        buffers = [self.buffer(buffer) for buffer in self.model.tables(4, "buffer")]
        self.rest()
        found = tuple(
            self.graph(number, table, codes, buffers, {} if number else shapes)
            for number, table in enumerate(self.model.tables(2, "subgraph"))
        )
        self.extent.check_whole()
        if not found:
            raise Damaged("it has no subgraph")
        return found

    def operator_code(self, code: Table) -> str:
        # Old files have only the first field, a byte; new ones repeat it as far as a byte reaches.
        number = max(code.number(0, "b"), code.number(3, "i"))
        if not 0 <= number < len(OPERATORS):
            raise Damaged(f"{code.what} is {number}, and {len(OPERATORS)} operators are known")
        custom = code.text(1)  # any bytes may stand there, and the name goes into messages
        shown = "".join(char if char.isprintable() else "?" for char in custom)
        return f"CUSTOM {shown}" if number == _CUSTOM else OPERATORS[number]

    def buffer(self, buffer: Table) -> _Data:
        inside = buffer.vector(0, 1)
        offset, size = buffer.number(1, "Q"), buffer.number(2, "Q")
        if offset >= _OUTSIDE:
            self.extent.claim(offset, size, f"the data of {buffer.what}")
            return _Data(size)
        return _Data(inside.length if inside and inside.length else None)

    def rest(self) -> None:
        """Touch what is not needed here, so that a file that is cut there is found out."""
        self.model.text(3)
        self.model.numbers(5)
        for entry in self.model.tables(6, "metadata"):
            entry.text(0)
            entry.number(1, "I")
        for signature in self.model.tables(7, "signature"):
            signature.text(2)
            for group in (0, 1):
                for entry in signature.tables(group, f"name in {signature.what}"):
                    entry.text(0)
                    entry.number(1, "I")

    def graph(
        self,
        number: int,
        table: Table,
        codes: list[str],
        buffers: list[_Data],
        shapes: Mapping[int, Shape],
    ) -> TfliteGraph:
        reader = _GraphReader(self, table, codes, buffers)
        graph = TfliteGraph(
            number,
            table.text(4),
            tuple(reader.tensors(shapes)),
            tuple(reader.operators()),
            table.numbers(1),
            table.numbers(2),
        )
        reader.check(graph)
        return graph


class _GraphReader:
    """Walks through one subgraph of a file."""

    def __init__(self, file: _Reader, table: Table, codes: list[str], buffers: list[_Data]) -> None:
        self.file = file
        self.table = table
        self.codes = codes
        self.buffers = buffers
        self.signatures: dict[int, Shape] = {}

    def tensors(self, shapes: Mapping[int, Shape]) -> Iterator[TfliteTensor]:
        for index, tensor in enumerate(self.table.tables(0, f"{self.table.what}, tensor")):
            yield self.tensor(index, tensor, shapes)

    def tensor(self, index: int, tensor: Table, shapes: Mapping[int, Shape]) -> TfliteTensor:
        name, number, buffer = tensor.text(3), tensor.number(1, "b"), tensor.number(2, "I")
        per_channel = _per_channel(tensor)
        label = f"tensor {index} {name!r}"
        if not 0 <= number < len(TYPES):
            raise Damaged(f"{label} has the unknown type {number}")
        if buffer >= len(self.buffers):
            raise Damaged(f"{label} names buffer {buffer} of {len(self.buffers)}")
        shape, dtype = tuple(shapes.get(index, tensor.numbers(0))), TYPES[number]
        self.signatures[index] = () if index in shapes else tensor.numbers(7)
        stored = self.buffers[buffer].size_bytes
        variable = bool(tensor.number(5, "B"))
        constant = stored is not None and not variable
        if constant:
            size = self.constant_bytes(label, shape, dtype, stored or 0, tensor)
        else:
            size = 0 if dtype in UNSIZED or min(shape, default=0) < 0 else bytes_of(shape, dtype)
        return TfliteTensor(index, name, shape, dtype, size, constant, variable, per_channel)

    def constant_bytes(
        self, label: str, shape: Shape, dtype: str, stored: int, tensor: Table
    ) -> int:
        sparse = tensor.table(6, f"the sparsity of {label}") is not None
        if dtype not in UNSIZED and not sparse:
            needed = bytes_of(shape, dtype) if min(shape, default=0) >= 0 else -1
            if needed != stored:
                raise Damaged(
                    f"{label} is a constant {dtype.lower()}{list(shape)}, "
                    f"and its buffer has {stored} bytes"
                )
        return stored

    def operators(self) -> Iterator[TfliteOperator]:
        for index, table in enumerate(self.table.tables(3, f"{self.table.what}, operator")):
            code = table.number(0, "I")
            if code >= len(self.codes):
                raise Damaged(f"operator {index} has code {code} of {len(self.codes)}")
            options = table.table(4, f"the options of operator {index} {self.codes[code]}")
            table.vector(5, 1)
            conv = table.number(3, "B") == _CONV_2D_OPTIONS and options is not None
            yield TfliteOperator(
                index,
                self.codes[code],
                table.numbers(1),
                table.numbers(2),
                _conv_options(options) if conv and options is not None else None,
            )

    def check(self, graph: TfliteGraph) -> None:
        """Check all indices, the order of writing and reading, and that all sizes are known."""
        self.check_indices(graph)
        written = set(graph.inputs) | {
            tensor.index for tensor in graph.tensors if tensor.constant or tensor.variable
        }
        for index in graph.inputs:
            self.check_size(graph.tensors[index], "an input of the graph")
        for operator in graph.operators:
            _check_operands(graph, operator)
            for index in operator.inputs:
                if index >= 0 and index not in written:
                    raise Damaged(
                        f"{operator.label} reads {_label(graph, index)} before any operator "
                        "has written it"
                    )
            for index in operator.outputs:
                if index in written:
                    raise Damaged(
                        f"{operator.label} writes {_label(graph, index)}, which is already there"
                    )
                self.check_size(graph.tensors[index], f"written by {operator.label}")
                written.add(index)
        for index in graph.outputs:
            if index not in written:
                raise Damaged(f"no operator writes {_label(graph, index)}, an output of the graph")

    def check_indices(self, graph: TfliteGraph) -> None:
        known = len(graph.tensors)
        places: list[tuple[str, Iterable[int], int]] = [
            (f"the inputs of {self.table.what}", graph.inputs, 0),
            (f"the outputs of {self.table.what}", graph.outputs, 0),
        ]
        for operator in graph.operators:
            places.append((f"the inputs of {operator.label}", operator.inputs, -1))
            places.append((f"the outputs of {operator.label}", operator.outputs, 0))
        for what, indices, least in places:
            for index in indices:
                if not least <= index < known:
                    raise Damaged(f"{what} name tensor {index} of {known}")

    def check_size(self, tensor: TfliteTensor, place: str) -> None:
        label = f"tensor {tensor.index} {tensor.name!r}, {place},"
        if tensor.dtype in UNSIZED:
            raise self.file.refused(
                f"{label} holds {tensor.dtype.lower()}s: its bytes are not known before the "
                "model runs",
                "only models of numbers can be planned; plan a part of it that has no such tensor",
            )
        if tensor.size_bytes > _MAX_BYTES:
            raise Damaged(f"{label} has the shape {list(tensor.shape)}, more than any memory")
        open_dimensions = min((*tensor.shape, *self.signatures[tensor.index]), default=0) < 0
        if open_dimensions:
            shown = list(self.signatures[tensor.index] or tensor.shape)
            option = f"{tensor.name}=1,224,224,3"
            hint = f"say which shape is meant: --input-shape {option!r}"
            if place != "an input of the graph":
                hint = (
                    "its inputs leave no dimension open, so no --input-shape can fix this one: "
                    "such tensors are allocated while the model runs, outside of any plan"
                )
            raise self.file.refused(f"{label} has the shape {shown}, known only later", hint)


def bytes_of(shape: Shape, dtype: str) -> int:
    """Return the bytes of a tensor; types below a byte are packed and rounded up per tensor."""
    return -(-prod(shape) * TYPE_BITS[dtype] // 8)


def _per_channel(tensor: Table) -> bool:
    quantization = tensor.table(4, f"the quantization of {tensor.what}")
    if quantization is None:
        return False
    for index, width in ((0, 4), (1, 4), (3, 8)):
        quantization.vector(index, width)
    return len(set(quantization.numbers(2, "I"))) > 1


def _conv_options(table: Table) -> Conv2DOptions:
    return Conv2DOptions(
        stride_w=table.number(1, "i"),
        stride_h=table.number(2, "i"),
        dilation_w=table.number(4, "i", 1),
        dilation_h=table.number(5, "i", 1),
    )


def _check_operands(graph: TfliteGraph, operator: TfliteOperator) -> None:
    """Check what an operator needs for its kernel's memory to be known: data, weights, a result."""
    if operator.code not in WEIGHED:
        return
    given = [graph.tensors[index] for index in operator.inputs[:2] if index >= 0]
    if len(given) < 2 or not operator.outputs:
        raise Damaged(f"{operator.label} has no data, no weights or no result")
    for tensor in given:
        if not tensor.shape:
            raise Damaged(f"{operator.label} reads {_label(graph, tensor.index)}, a single number")


def _label(graph: TfliteGraph, index: int) -> str:
    return f"tensor {index} {graph.tensors[index].name!r}"
