"""Operators that are said to need no scratch memory make LiteRT add no tensor to a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.graphs import tflite_schema
from harness.graphs.tflite_reader import read_tflite
from harness.memory_plan.kernel_scratch import NO_SCRATCH
from harness.transports.litert_arena import LiteRTKernels, PlacedTensor, allocate

pytestmark = pytest.mark.litert

SCHEMA: Any = tflite_schema.schema()
IMAGE = (1, 4, 4, 8)
IN_THE_NETWORKS = {
    *("CONCATENATION", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "FULLY_CONNECTED", "MAX_POOL_2D"),
    *("PAD", "QUANTIZE", "RESHAPE"),
}
"""Operators of the generated networks: their arenas are measured to the byte elsewhere."""
UNARY = [
    "ABS",
    "CEIL",
    "COS",
    "ELU",
    "EXP",
    "FLOOR",
    "GELU",
    "HARD_SWISH",
    "L2_NORMALIZATION",
    "LEAKY_RELU",
    "LOG",
    "LOG_SOFTMAX",
    "LOGISTIC",
    "NEG",
    "RELU",
    "RELU6",
    "RELU_N1_TO_1",
    "ROUND",
    "RSQRT",
    "SIGN",
    "SIN",
    "SOFTMAX",
    "SQRT",
    "SQUARE",
    "TANH",
    "ZEROS_LIKE",
]
WITHOUT_REFERENCE = frozenset({"CEIL", "ELU", "ROUND"})
"""Operators that LiteRT's reference resolver does not have."""
BINARY = ["ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "POW", "SQUARED_DIFFERENCE", "SUB"]
COMPARING = ["EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"]


class OneOfEach:
    """A model that has one operator of every kind, each on the model's input."""

    def __init__(self) -> None:
        self.tensors = [SCHEMA.TensorT(name="input", shape=list(IMAGE), buffer=0)]
        self.buffers: list[Any] = [tflite_schema.AlignedBuffer()]
        self.codes: list[Any] = []
        self.operators: list[Any] = []
        self.kinds: set[str] = set()

    def constant(self, values: Any, dtype: type = np.int32) -> int:
        array: NDArray[Any] = np.asarray(values, dtype)
        self.buffers.append(tflite_schema.AlignedBuffer(array.tobytes()))
        kind = getattr(SCHEMA.TensorType, array.dtype.name.upper())
        return self.tensor(array.shape, kind, len(self.buffers) - 1)

    def tensor(self, shape: Sequence[int], kind: int = 0, buffer: int = 0) -> int:
        self.tensors.append(
            SCHEMA.TensorT(
                name=f"t{len(self.tensors)}", shape=list(shape), type=kind, buffer=buffer
            )
        )
        return len(self.tensors) - 1

    def add(
        self,
        code: str,
        inputs: Sequence[int] = (0,),
        shape: Sequence[int] = IMAGE,
        options: Any = None,
        *,
        outputs: int = 1,
        kind: int = 0,
    ) -> int:
        number = getattr(SCHEMA.BuiltinOperator, code)
        self.codes.append(
            SCHEMA.OperatorCodeT(
                deprecatedBuiltinCode=min(number, 127), builtinCode=number, version=1
            )
        )
        made = [self.tensor(shape, kind) for _ in range(outputs)]
        name = type(options).__name__.removesuffix("T") if options else "NONE"
        self.operators.append(
            SCHEMA.OperatorT(
                opcodeIndex=len(self.codes) - 1,
                inputs=list(inputs),
                outputs=made,
                builtinOptionsType=getattr(SCHEMA.BuiltinOptions, name),
                builtinOptions=options,
            )
        )
        self.kinds.add(code)
        return made[0]

    def file(self) -> bytes:
        outputs = [index for operator in self.operators for index in operator.outputs]
        graph = SCHEMA.SubGraphT(
            tensors=self.tensors, operators=self.operators, inputs=[0], outputs=outputs
        )
        return tflite_schema.packed(
            SCHEMA.ModelT(
                version=3, operatorCodes=self.codes, subgraphs=[graph], buffers=self.buffers
            )
        )


def one_of_each(left_out: frozenset[str] = frozenset()) -> OneOfEach:
    model = OneOfEach()
    boolean, int32 = SCHEMA.TensorType.BOOL, SCHEMA.TensorType.INT32
    for code in set(UNARY) - left_out:
        model.add(code)
    other = model.add("RELU")
    for code in BINARY:
        model.add(code, (0, other))
    for code in COMPARING:
        truth = model.add(code, (0, other), kind=boolean)
    for code in ("LOGICAL_AND", "LOGICAL_OR"):
        model.add(code, (truth, truth), kind=boolean)
    model.add("LOGICAL_NOT", (truth,), kind=boolean)
    model.add("SELECT_V2", (truth, 0, other))
    model.add("PRELU", (0, model.constant([0.5] * 8, np.float32)))
    pool = SCHEMA.Pool2DOptionsT(strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    model.add("AVERAGE_POOL_2D", shape=(1, 2, 2, 8), options=pool)
    model.add("TRANSPOSE", (0, model.constant([0, 3, 1, 2])), (1, 8, 4, 4))
    begin, size = model.constant([0, 0, 0, 0]), model.constant([1, 2, 2, 8])
    model.add("SLICE", (0, begin, size), (1, 2, 2, 8))
    steps, end = model.constant([1, 1, 1, 1]), model.constant([1, 2, 2, 8])
    strided = SCHEMA.StridedSliceOptionsT()
    model.add("STRIDED_SLICE", (0, begin, end, steps), (1, 2, 2, 8), strided)
    twice = model.constant([8, 8])
    model.add("RESIZE_BILINEAR", (0, twice), (1, 8, 8, 8), SCHEMA.ResizeBilinearOptionsT())
    nearest = SCHEMA.ResizeNearestNeighborOptionsT()
    model.add("RESIZE_NEAREST_NEIGHBOR", (0, twice), (1, 8, 8, 8), nearest)
    split = SCHEMA.SplitOptionsT(numSplits=2)
    model.add("SPLIT", (model.constant(3), 0), (1, 4, 4, 4), split, outputs=2)
    pack = SCHEMA.PackOptionsT(valuesCount=2, axis=0)
    model.add("PACK", (0, other), (2, *IMAGE), pack)
    unpack = SCHEMA.UnpackOptionsT(num=4, axis=1)
    model.add("UNPACK", (0,), (1, 4, 8), unpack, outputs=4)
    model.add("GATHER", (0, model.constant([1, 2])), (1, 2, 4, 8), SCHEMA.GatherOptionsT(axis=1))
    model.add("EXPAND_DIMS", (0, model.constant(0)), (1, *IMAGE))
    model.add("SQUEEZE", shape=IMAGE[1:], options=SCHEMA.SqueezeOptionsT(squeezeDims=[0]))
    model.add("TILE", (0, model.constant([1, 1, 1, 2])), (1, 4, 4, 16))
    padding = model.constant([[0, 0], [1, 1], [1, 1], [0, 0]])
    model.add("MIRROR_PAD", (0, padding), (1, 6, 6, 8), SCHEMA.MirrorPadOptionsT())
    model.add("PADV2", (0, padding, model.constant(1, np.float32)), (1, 6, 6, 8))
    model.add("CAST", kind=int32)
    model.add(
        "ARG_MAX", (0, model.constant(3)), (1, 4, 4), SCHEMA.ArgMaxOptionsT(int32), kind=int32
    )
    model.add(
        "ARG_MIN", (0, model.constant(3)), (1, 4, 4), SCHEMA.ArgMinOptionsT(int32), kind=int32
    )
    deep = SCHEMA.SpaceToDepthOptionsT(blockSize=2)
    model.add("SPACE_TO_DEPTH", (0,), (1, 2, 2, 32), deep)
    model.add("DEPTH_TO_SPACE", (0,), (1, 8, 8, 2), SCHEMA.DepthToSpaceOptionsT(blockSize=2))
    return model


def added_tensors(model: OneOfEach, path: Path, kernels: LiteRTKernels) -> list[PlacedTensor]:
    path.write_bytes(model.file())
    (graph,) = read_tflite(path).graphs
    return [t for t in allocate(path, kernels).tensors if t.index >= len(graph.tensors)]


def test_operators_without_scratch_memory_add_no_tensor(tmp_path: Path) -> None:
    model, path = one_of_each(), tmp_path / "one_of_each.tflite"
    assert model.kinds | IN_THE_NETWORKS == NO_SCRATCH
    assert added_tensors(model, path, "optimised") == []
    assert added_tensors(one_of_each(WITHOUT_REFERENCE), path, "reference") == []


def test_an_operator_with_scratch_memory_adds_one(tmp_path: Path) -> None:
    model = one_of_each()
    model.add("MEAN", (0, model.constant([1, 2])), (1, 8), SCHEMA.ReducerOptionsT())
    assert len(added_tensors(model, tmp_path / "mean.tflite", "optimised")) >= 3
