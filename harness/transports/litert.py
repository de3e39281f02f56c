"""The door to LiteRT on this host: what a model answers by its own reference kernels.

LiteRT runs in a process of its own (this module as a program), so that neither its memory nor
its threads nor a crash of it are the harness's.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata, util
from pathlib import Path
from typing import Any

from harness.errors import OutputUnreadable, RunFailed, TargetUnfit
from harness.model import Tensor
from harness.transports.litert_process import answer_of, write_answer

_PACKAGE = "ai-edge-litert"


def version() -> str:
    """Return the version of LiteRT, '' where it is not installed."""
    try:
        return metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        return ""


def reference_runtime() -> str:
    """Name what `reference_outputs` computes with, and its version."""
    return f"LiteRT {version() or '(not installed)'} reference kernels"


def require() -> None:
    """Check that LiteRT is installed.

    Raises:
        TargetUnfit: it is not.
    """
    if not version() or util.find_spec("ai_edge_litert") is None:
        raise TargetUnfit(
            "LiteRT is not installed on this host", hint='pip install "edgebench[litert]"'
        )


def reference_outputs(
    model: Path, input_sets: Sequence[Sequence[Tensor]], *, timeout_s: float = 600.0
) -> tuple[tuple[Tensor, ...], ...]:
    """Return the outputs for each set of inputs, by the reference kernels, without delegates.

    Inputs belong to the model's by position; each set may have shapes of its own.

    Raises:
        TargetUnfit: LiteRT is not installed.
        RunFailed: it does not take the model or the inputs; the message is LiteRT's.
        RunTimedOut: it computed longer than `timeout_s`.
        OutputUnreadable: its answer is not understood.
    """
    return _ask("run", model, input_sets, timeout_s)


def output_shapes(
    model: Path, inputs: Sequence[Tensor], *, timeout_s: float = 60.0
) -> tuple[Tensor, ...]:
    """Return the outputs that the model has for inputs of these shapes, without their data.

    Raises:
        TargetUnfit, RunFailed, RunTimedOut, OutputUnreadable: as `reference_outputs`.
    """
    return _ask("describe", model, [inputs], timeout_s)[0]


def _ask(
    what: str, model: Path, input_sets: Sequence[Sequence[Tensor]], timeout_s: float
) -> tuple[tuple[Tensor, ...], ...]:
    require()
    request = {
        "what": what,
        "model": str(model),
        "sets": [[_to_json(tensor) for tensor in tensors] for tensors in input_sets],
    }
    answer = answer_of(
        "harness.transports.litert",
        request,
        model=model,
        timeout_s=timeout_s,
        hint="give the model a `reference:` file with its outputs",
    )
    return _read_answer(model, answer)


def _read_answer(model: Path, data: bytes) -> tuple[tuple[Tensor, ...], ...]:
    try:
        answer = json.loads(data)
        if "error" not in answer:
            return tuple(
                tuple(_from_json(record) for record in tensors) for tensors in answer["sets"]
            )
        message = str(answer["error"])
    except (ValueError, KeyError, TypeError) as error:
        raise OutputUnreadable(
            f"LiteRT's answer is not understood: {error}",
            where=model.name,
            hint="reinstall it: pip install --force-reinstall ai-edge-litert",
        ) from error
    raise RunFailed(
        f"LiteRT does not run this model: {message}",
        where=model.name,
        hint="check the model and its `inputs:`, or give it a `reference:` file",
    )


def _to_json(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "data": base64.b64encode(tensor.data).decode(),
    }


def _from_json(record: dict[str, Any]) -> Tensor:
    return Tensor(
        str(record["name"]),
        tuple(int(size) for size in record["shape"]),
        str(record["dtype"]),
        base64.b64decode(record["data"]),
    )


def _serve(request: dict[str, Any], answer: Path) -> None:
    with _translated(answer):
        sets = [
            [_to_json(tensor) for tensor in _run(request, [_from_json(one) for one in tensors])]
            for tensors in request["sets"]
        ]
        write_answer(answer, {"sets": sets})


@contextmanager
def _translated(answer: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError) as error:
        write_answer(answer, {"error": str(error).strip()})


def _run(request: dict[str, Any], inputs: Sequence[Tensor]) -> Iterator[Tensor]:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    described = request["what"] == "describe"
    interpreter = Interpreter(
        model_path=request["model"],
        num_threads=1,
        experimental_op_resolver_type=(
            OpResolverType.BUILTIN if described else OpResolverType.BUILTIN_REF
        ),
    )
    details = interpreter.get_input_details()
    if len(details) != len(inputs):
        raise ValueError(f"it has {len(details)} inputs, not {len(inputs)}")
    for detail, tensor in zip(details, inputs, strict=True):
        if tuple(detail["shape"]) != tensor.shape:
            interpreter.resize_tensor_input(detail["index"], list(tensor.shape))
    interpreter.allocate_tensors()
    for detail, tensor in zip(details, inputs, strict=True):
        values = np.frombuffer(tensor.data, tensor.dtype).reshape(tensor.shape)
        interpreter.set_tensor(detail["index"], values)
    # Also for a description: some models know the shape of an output only now.
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        values = interpreter.get_tensor(detail["index"])
        data = b"" if described else values.tobytes()
        yield Tensor(detail["name"], values.shape, values.dtype.name, data)


if __name__ == "__main__":
    _serve(json.load(sys.stdin), Path(sys.argv[1]))
