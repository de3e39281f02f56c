"""The door to LiteRT's memory: where an allocated model's tensors lie on this host.

The addresses come from the interpreter itself (`tensor(i).__array_interface__`), after
`allocate_tensors`. LiteRT runs in a process of its own (this module as a program): it can crash
on a damaged model, and does when it is asked for tensors that it does not list.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from harness.errors import OutputUnreadable, RunFailed
from harness.transports.litert import require
from harness.transports.litert_process import answer_of, write_answer

LiteRTKernels: TypeAlias = Literal["reference", "optimised", "xnnpack"]

_RESOLVERS: Mapping[str, str] = {
    "reference": "BUILTIN_REF",
    "optimised": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "xnnpack": "BUILTIN",
}
_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class PlacedTensor:
    """A tensor of an allocated model; `address` is None where it is not in memory."""

    index: int
    name: str
    shape: tuple[int, ...]
    size_bytes: int
    address: int | None


@dataclass(frozen=True, slots=True)
class AllocatedModel:
    """Subgraph 0 after allocation on one thread: its tensors, inputs and outputs by index."""

    kernels: LiteRTKernels
    tensors: tuple[PlacedTensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def allocate(
    model: Path,
    kernels: LiteRTKernels = "reference",
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    *,
    timeout_s: float = 120.0,
) -> AllocatedModel:
    """Allocate a model on this host, its inputs resized to `shapes` by name.

    Raises:
        TargetUnfit: LiteRT is not installed.
        RunFailed: it does not take the model or the shapes, or it crashed.
        RunTimedOut: it took longer than `timeout_s`.
        OutputUnreadable: its answer is not understood.
    """
    require()
    request = {
        # The child works in another folder.
        "model": str(model.absolute()),
        "resolver": _RESOLVERS[kernels],
        "shapes": {name: list(shape) for name, shape in (shapes or {}).items()},
    }
    answer = answer_of(
        "harness.transports.litert_arena",
        request,
        model=model,
        timeout_s=timeout_s,
        hint="plan it without LiteRT: --no-interpreter",
    )
    return _read_answer(model, kernels, answer)


def arena_bytes(allocated: AllocatedModel, in_file: int, beside: Collection[int]) -> int:
    """Return the bytes from the arena's lowest to its highest tensor.

    The first `in_file` tensors are those of the file; `beside` are those of them that lie
    elsewhere: constants, and what is kept in a second arena. What kernels added counts where it
    lies in the reach of the arena, that is as far as all tensors would take one after the other.
    """
    placed = [
        (tensor.address, tensor.address + tensor.size_bytes, tensor.index < in_file)
        for tensor in allocated.tensors
        if tensor.address is not None and tensor.index not in beside
    ]
    base = min((begin for begin, _, named in placed if named), default=0)
    reach = base + sum(end - begin + _ALIGNMENT for begin, end, _ in placed)
    ends = [end for begin, end, named in placed if named or base <= begin < reach]
    return max(ends, default=base) - base


def _read_answer(model: Path, kernels: LiteRTKernels, data: bytes) -> AllocatedModel:
    try:
        answer = json.loads(data)
        if "error" not in answer:
            return AllocatedModel(
                kernels,
                tuple(
                    PlacedTensor(row[0], row[1], tuple(row[2]), row[3], row[4])
                    for row in answer["tensors"]
                ),
                tuple(answer["inputs"]),
                tuple(answer["outputs"]),
            )
        message = str(answer["error"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise OutputUnreadable(
            f"LiteRT's answer is not understood: {error}",
            where=str(model),
            hint="reinstall it: pip install --force-reinstall ai-edge-litert",
        ) from error
    raise RunFailed(
        f"LiteRT does not allocate this model: {message}",
        where=str(model),
        hint="check the model and the shapes of its inputs",
    )


def _serve(request: dict[str, Any], answer: Path) -> None:
    try:
        content = _allocated(request)
    except (ValueError, RuntimeError) as error:
        content = {"error": " ".join(str(error).split())}
    write_answer(answer, content)


def _allocated(request: dict[str, Any]) -> dict[str, Any]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=request["model"],
        num_threads=1,
        experimental_op_resolver_type=OpResolverType[request["resolver"]],
    )
    details = {detail["name"]: detail for detail in interpreter.get_input_details()}
    for name, shape in request["shapes"].items():
        if name not in details:
            raise ValueError(f"it has no input {name!r}; its inputs are: {', '.join(details)}")
        interpreter.resize_tensor_input(details[name]["index"], shape)
    interpreter.allocate_tensors()
    return {
        "tensors": [_placed(interpreter, detail) for detail in interpreter.get_tensor_details()],
        "inputs": [detail["index"] for detail in interpreter.get_input_details()],
        "outputs": [detail["index"] for detail in interpreter.get_output_details()],
    }


def _placed(interpreter: Any, detail: dict[str, Any]) -> list[Any]:
    # The wrapped interpreter alone tells an address; a view of it would keep memory in use.
    wrapped = interpreter._interpreter  # noqa: SLF001  no public call tells where a tensor lies
    try:
        array = wrapped.tensor(wrapped, detail["index"])
    except ValueError:  # nothing is allocated for it
        return [detail["index"], detail["name"], detail["shape"].tolist(), 0, None]
    address = array.__array_interface__["data"][0] or None
    return [detail["index"], detail["name"], list(array.shape), array.nbytes, address]


if __name__ == "__main__":
    _serve(json.load(sys.stdin), Path(sys.argv[1]))
