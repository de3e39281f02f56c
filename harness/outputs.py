"""Is what ran the model? Seeded inputs, and outputs compared with a reference.

Two outputs differ by max |a−b| / max |ref| per tensor; the worst tensor counts. All numbers
that are drawn here come from SHAKE-256, so they are the same on every machine, with every
version of numpy, and in any other language: 4 bytes per number, little-endian, of which the
upper 24 bits are the number in [0, 1).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from harness.errors import OutputUnreadable, SuiteError
from harness.model import Failure, Tensor

if TYPE_CHECKING:  # numpy is heavy: `--help` must not import it
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

DISCRIMINATION = 100
"""Outputs of two different inputs must differ by this many tolerances."""

Precision: TypeAlias = Literal["fp32", "fp16", "dynamic", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
"""The kinds of files of one model: float32, float16 weights, dynamic range, full int8."""

ORIGINAL: Precision = "fp32"
"""The file that the others of a model are compared with."""

TOLERANCES: Mapping[Precision, float] = {"fp32": 1e-4, "fp16": 1e-2, "dynamic": 0.1, "int8": 0.25}
"""How far a kind's outputs may be from those of fp32 unless the suite says otherwise.

Float32 differs by the order of sums. The others are about twice of what the generated
networks show, which are deep and have seeded, not trained, weights.
"""

_DTYPES = {
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "bool": "|b1",
}
# What numpy and zipfile raise on a damaged archive, or on a lone .npy.
_UNREADABLE_NPZ = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
_LARGEST_INPUT = 1 << 28  # more than this is a damaged file or a slip, not an image
# Wide integers are mostly token ids and masks, for which 0 and 1 are always valid.
_RANGES = {"uint8": (0, 255), "int8": (-128, 127)}


@dataclass(frozen=True, slots=True)
class InputSignature:
    """What one input of a model takes.

    Floats are drawn from [`low`, `high`), integers from `low` to `high` inclusive. None
    means: floats 0..1, uint8 0..255, int8 -128..127, other integers and bool 0..1.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """How far outputs are from their reference (inf: not comparable), and why they fail."""

    max_relative_difference: float
    failure: Failure | None = None


def check(outputs: Sequence[Tensor], reference: Sequence[Tensor], tolerance: float) -> OutputCheck:
    """Compare outputs with a reference, position by position (names differ between formats).

    Fails as `output-shape` (number or shape of tensors), `output-nan` (NaN or infinity on
    either side) or `output-mismatch` (above `tolerance`).

    Raises:
        OutputUnreadable: a tensor's bytes are not what its shape and dtype say.
    """
    if len(outputs) != len(reference):
        return _wrong_shape(f"{len(outputs)} outputs, the reference has {len(reference)}")
    worst, where = 0.0, ""
    for output, expected in zip(outputs, reference, strict=True):
        if output.shape != expected.shape:
            return _wrong_shape(
                f"output {output.name!r} is {_by(output.shape)}, "
                f"the reference is {_by(expected.shape)}"
            )
        got, want = numbers(output), numbers(expected)
        for who, values in ((f"output {output.name!r}", got), ("its reference", want)):
            if bad := _not_finite(values):
                return _failed(
                    "output-nan",
                    f"{who} has {bad} of {values.size} values that are NaN or infinite",
                    "try the same model and input in its own framework; fp16 often overflows",
                )
        difference = _relative_difference(got, want)
        if difference > worst or not where:
            worst, where = difference, output.name
    if worst > tolerance:
        failure = Failure(
            "output-mismatch",
            f"output {where!r} differs from the reference by {worst:.2g} of its largest value, "
            f"the tolerance is {tolerance:.2g}",
            "this variant computes something else; if the file is quantised or fp16, "
            "give it its own `tolerance:`",
        )
        return OutputCheck(worst, failure)
    return OutputCheck(worst)


def discriminates(
    reference_a: Sequence[Tensor], reference_b: Sequence[Tensor], tolerance: float
) -> bool:
    """Tell whether the outputs of two inputs differ enough for the check to prove anything.

    A graph whose shapes depend on its data may answer in two shapes.
    """
    pairs = list(zip(reference_a, reference_b, strict=False))
    if len(reference_a) == len(reference_b) and any(a.shape != b.shape for a, b in pairs):
        return True
    difference = check(reference_a, reference_b, inf).max_relative_difference
    return DISCRIMINATION * tolerance <= difference < inf


def seeded_inputs(
    signatures: Iterable[InputSignature], seed: int, model_name: str, set_index: int
) -> tuple[Tensor, ...]:
    """Draw one set of inputs; each input has a stream of its own, keyed by its position.

    Raises:
        SuiteError: a dtype is unknown, or a range is empty or does not fit the dtype.
    """
    return tuple(
        _drawn(signature, f"input/{model_name}/{seed}/{set_index}/{position}")
        for position, signature in enumerate(signatures)
    )


def uniform(key: str, count: int) -> Floats:
    """Return `count` numbers in [0, 1) that depend on `key` alone (see the module)."""
    import numpy as np

    bits = np.frombuffer(hashlib.shake_256(key.encode()).digest(4 * count), "<u4")
    return np.ldexp((bits >> 8).astype(np.float64), -24)


def inputs_sha256(tensors: Iterable[Tensor]) -> str:
    """Hash dtypes, shapes and data in order; names are left out, since they differ by format."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype}[{_by(tensor.shape)}]".encode())
        digest.update(tensor.data)
    return digest.hexdigest()


def load_npz(path: Path) -> tuple[Tensor, ...]:
    """Read the arrays of an `.npz` file in the order in which it holds them.

    Raises:
        SuiteError: the file is missing, broken, or holds something else than numbers.
    """
    import numpy as np

    try:
        # From memory, since numpy leaves a damaged file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except _UNREADABLE_NPZ as error:
        raise SuiteError(
            f"cannot be read as .npz: {error}",
            where=str(path),
            hint="write it with numpy.savez(path, first_output, second_output, …)",
        ) from error
    for name, array in arrays.items():
        if array.dtype.name not in _DTYPES:
            raise SuiteError(
                f"{name!r} holds {array.dtype.name}",
                where=str(path),
                hint=f"write it as one of {', '.join(_DTYPES)}",
            )
    return tuple(_tensor(name, array) for name, array in arrays.items())


def npz_bytes(tensors: Sequence[Tensor]) -> bytes:
    """Return the `.npz` file that `load_npz` reads back; equal tensors give equal bytes.

    Raises:
        OutputUnreadable: a tensor's bytes are not what its shape and dtype say.
    """
    import numpy as np

    buffer = io.BytesIO()
    names: set[str] = set()
    with zipfile.ZipFile(buffer, "w") as archive:
        for position, tensor in enumerate(tensors):
            name = tensor.name if tensor.name not in names else f"{tensor.name}#{position}"
            names.add(name)
            # A ZipInfo without a date stands for 1980: no clock in the bytes.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                np.lib.format.write_array(member, _array(tensor), allow_pickle=False)
    return buffer.getvalue()


def _drawn(signature: InputSignature, key: str) -> Tensor:
    import numpy as np

    dtype = _DTYPES.get(signature.dtype)
    if dtype is None:
        raise SuiteError(
            f"input {signature.name!r} takes {signature.dtype}, which cannot be drawn",
            hint=f"give it a `file:`, or one of {', '.join(_DTYPES)}",
        )
    low, high = _range(signature)
    count = prod(signature.shape)
    if count > _LARGEST_INPUT:
        raise SuiteError(
            f"input {signature.name!r} would have {count:,} elements",
            hint="say in the suite which shape is meant: `inputs: {name: {shape: […]}}`",
        )
    drawn = uniform(key, count)
    if signature.dtype.startswith("float"):
        values = (low + drawn * (high - low)).astype(dtype)
        # Rounding to a short float may reach `high` itself.
        below = np.nextafter(np.array(high, dtype), np.array(low, dtype))
        values = np.minimum(values, below)
    else:
        values = (low + np.floor(drawn * (high - low + 1))).astype(dtype)
    return _tensor(signature.name, values.reshape(signature.shape))


def _range(signature: InputSignature) -> tuple[float, float]:
    import numpy as np

    default = _RANGES.get(signature.dtype, (0, 1))
    low = default[0] if signature.low is None else signature.low
    high = default[1] if signature.high is None else signature.high
    lowest, highest = _limits(signature.dtype)
    if signature.dtype.startswith("float"):
        empty = not low < high
    else:
        low, high = float(np.ceil(low)), float(np.floor(high))
        empty = not low <= high
    if empty or low < lowest or high > highest:
        raise SuiteError(
            f"input {signature.name!r} cannot be drawn from {low:g} to {high:g} as "
            f"{signature.dtype}",
            hint=f"give a range within {lowest:g} to {highest:g}, the lower end first",
        )
    return low, high


def _limits(dtype: str) -> tuple[float, float]:
    import numpy as np

    if dtype == "bool":
        return 0, 1
    # The two numpy classes share nothing but these two names.
    info: Any = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
    return float(info.min), float(info.max)


def _tensor(name: str, array: NDArray[Any]) -> Tensor:
    dtype = array.dtype.name
    return Tensor(name, array.shape, dtype, array.astype(_DTYPES[dtype], copy=False).tobytes())


def _array(tensor: Tensor) -> NDArray[Any]:
    import numpy as np

    try:
        return np.frombuffer(tensor.data, _DTYPES[tensor.dtype]).reshape(tensor.shape)
    except (KeyError, ValueError) as error:
        raise OutputUnreadable(
            f"tensor {tensor.name!r} has {len(tensor.data)} bytes, which are no "
            f"{tensor.dtype} of shape {_by(tensor.shape)}",
            hint="the runtime returned something else than it announced; report the raw folder",
        ) from error


def numbers(tensor: Tensor) -> Floats:
    """Return a tensor's values in its shape.

    Raises:
        OutputUnreadable: its bytes are not what its shape and dtype say.
    """
    import numpy as np

    return _array(tensor).astype(np.float64)


def _not_finite(values: Floats) -> int:
    import numpy as np

    return int(np.count_nonzero(~np.isfinite(values)))


def _relative_difference(got: Floats, want: Floats) -> float:
    """Return max |got−want| / max |want|; where the reference is all zero, 0 or infinity."""
    if not got.size:
        return 0.0
    difference, largest = float(abs(got - want).max()), float(abs(want).max())
    if largest == 0:
        return 0.0 if difference == 0 else inf
    return difference / largest


def _wrong_shape(message: str) -> OutputCheck:
    return _failed(
        "output-shape", message, "compare files of one model, and give both lanes one input shape"
    )


def _failed(kind: str, message: str, hint: str) -> OutputCheck:
    return OutputCheck(inf, Failure(kind, message, hint))


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a scalar"
