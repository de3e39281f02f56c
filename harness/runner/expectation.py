"""What a model is fed and what it must answer: inputs, and reference outputs computed once.

References are cached per model, inputs and runtime. Two different input sets must give
outputs that differ by at least 100× the tolerance, else the check would prove nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from math import inf, prod
from pathlib import Path
from typing import TypeAlias

from harness import locations, outputs
from harness.artifacts import described
from harness.errors import OutputUnreadable, RunError, SuiteError, TargetUnfit
from harness.graphs.signature import output_dtypes, plain_name, read_signature
from harness.model import Tensor
from harness.outputs import ORIGINAL, InputSignature
from harness.plugins import ModelFile
from harness.runner.host_litert import HostLiteRt, ReferenceKernels
from harness.store.durable import write_atomically
from harness.suite.values import InputSpec, ModelSource

INPUTS_SEED = 0
_SETS = (0, 1)
_ITEM_BYTES = {"8": 1, "16": 2, "32": 4, "64": 8, "bool": 1}

TensorSet: TypeAlias = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Files:
    """The file that runs, and those of the same model that it may be compared with.

    `original` is the fp32 file of its own format; `shared` is the `.tflite` whose reference
    counts for all formats, where they were written from one description or this has none.
    """

    own: ModelFile
    original: ModelFile | None = None
    shared: ModelFile | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """Inputs of a run, and the reference outputs; `note` says why there are none, or doubts.

    `compared_with` says whose outputs the reference is: `fp32`, `own file`, or `given file`;
    `computed_by` which runtime computed them, '' where they were given.
    """

    inputs: TensorSet
    inputs_sha256: str
    shapes: str
    reference: TensorSet | None
    tolerance: float
    note: str = ""
    compared_with: str = ""
    computed_by: str = ""

    @property
    def reference_sha256(self) -> str | None:
        """The hash of the reference's numbers: rows that have the same have one reference."""
        return None if self.reference is None else outputs.inputs_sha256(self.reference)


def expect(
    source: ModelSource, files: Files, session: ReferenceKernels, *, announce: Callable[[], None]
) -> Expectation:
    """Return what runs of this model on this target are fed and checked against.

    A file of smaller numbers is checked against the fp32 file's outputs, if that takes the same
    inputs and gives numbers of the same type; else against its own reference. Formats of one
    model are checked against one reference, LiteRT's on the `.tflite`, where that takes the
    same inputs.

    `announce` is called if a reference must be computed, which takes seconds.

    Raises:
        SuiteError: the model's signature or a named file cannot be read.
    """
    open_shapes = {spec.name: spec.shape for spec in source.inputs if spec.shape}
    signature = _with_all_ids(source, read_signature(files.own, open_shapes))
    sets = [_inputs(source, signature, index) for index in _SETS]
    compared = _compared(files, signature, open_shapes)
    candidates = _candidates(files, compared, signature, open_shapes, session)
    reference, note, computed_by = _reference(source, candidates, sets, announce)
    first = sets[0]
    return Expectation(
        inputs=first,
        inputs_sha256=outputs.inputs_sha256(_in_order(first)),
        shapes=" ".join(
            f"{plain_name(t.name)}:{'x'.join(map(str, t.shape))}:{t.dtype}"
            for t in _in_order(first)
        ),
        reference=reference,
        tolerance=source.tolerance,
        note=note,
        compared_with=_whose(source, files, compared),
        computed_by=computed_by,
    )


def _with_all_ids(
    source: ModelSource, signature: tuple[InputSignature, ...]
) -> tuple[InputSignature, ...]:
    """Draw ids of generated networks from all that there are: a file says only their type."""
    ids = described(source.generated).ids if source.generated else {}
    return tuple(
        replace(entry, low=0, high=ids[entry.name] - 1) if entry.name in ids else entry
        for entry in signature
    )


def _compared(
    files: Files, signature: Sequence[InputSignature], shapes: Mapping[str, tuple[int, ...]]
) -> ModelFile:
    original = files.original
    if original is None or output_dtypes(original) != output_dtypes(files.own):
        return files.own
    return original if _takes_the_same(original, signature, shapes) else files.own


def _takes_the_same(
    file: ModelFile, signature: Sequence[InputSignature], shapes: Mapping[str, tuple[int, ...]]
) -> bool:
    taken = [(entry.shape, entry.dtype) for entry in read_signature(file, shapes)]
    return taken == [(entry.shape, entry.dtype) for entry in signature]


def _candidates(
    files: Files,
    compared: ModelFile,
    signature: Sequence[InputSignature],
    shapes: Mapping[str, tuple[int, ...]],
    session: ReferenceKernels,
) -> Iterator[tuple[ModelFile, ReferenceKernels]]:
    """Yield which file's reference may count, and who computes it, the best first."""
    shared = files.shared
    if shared and files.own.workload is None and _takes_the_same(shared, signature, shapes):
        yield shared, HostLiteRt()
    yield compared, session
    if compared.format == "tflite" and compared.workload is None:
        yield compared, HostLiteRt()


def _whose(source: ModelSource, files: Files, compared: ModelFile) -> str:
    if isinstance(source.reference, Path):
        return "given file"
    if compared is files.original or source.file == ORIGINAL:
        return ORIGINAL
    return "own file"


def _inputs(source: ModelSource, signature: Sequence[InputSignature], index: int) -> TensorSet:
    """Return a set in the order of the file, drawn in the order of names: formats order freely."""
    specs = {plain_name(spec.name): spec for spec in source.inputs}
    known = {plain_name(entry.name): entry.name for entry in signature}
    unknown = specs.keys() - known.keys()
    if unknown:
        raise SuiteError(
            f"the model {source.name!r} has no input {specs[min(unknown)].name!r}",
            hint=f"its inputs are: {', '.join(known.values())}",
        )
    shaped = [_as_specified(entry, specs.get(plain_name(entry.name))) for entry in signature]
    places = sorted(range(len(shaped)), key=lambda place: plain_name(shaped[place].name))
    ordered = [shaped[place] for place in places]
    drawn = outputs.seeded_inputs(ordered, INPUTS_SEED, source.name, index)
    tensors = dict(zip(places, drawn, strict=True))
    return tuple(
        _from_file(tensors[place], specs.get(plain_name(entry.name)))
        for place, entry in enumerate(signature)
    )


def _in_order(inputs: TensorSet) -> list[Tensor]:
    return sorted(inputs, key=lambda tensor: plain_name(tensor.name))


def _as_specified(entry: InputSignature, spec: InputSpec | None) -> InputSignature:
    if spec is None:
        return entry
    return replace(
        entry,
        shape=spec.shape or entry.shape,
        dtype=spec.dtype or entry.dtype,
        low=entry.low if spec.low is None else spec.low,
        high=entry.high if spec.high is None else spec.high,
    )


def _from_file(tensor: Tensor, spec: InputSpec | None) -> Tensor:
    if spec is None or spec.file is None:
        return tensor
    try:
        data = spec.file.read_bytes()
    except OSError as error:
        raise SuiteError(
            f"the input file cannot be read: {error.strerror}",
            where=str(spec.file),
            hint="correct the path in the suite",
        ) from error
    width = next(size for end, size in _ITEM_BYTES.items() if tensor.dtype.endswith(end))
    expected = prod(tensor.shape) * width
    if len(data) != expected:
        raise SuiteError(
            f"has {len(data)} bytes; {tensor.name!r} of {tensor.dtype} needs {expected}",
            where=str(spec.file),
            hint="write it as raw little-endian numbers, row by row, without a header",
        )
    return replace(tensor, data=data)


def _reference(
    source: ModelSource,
    candidates: Iterable[tuple[ModelFile, ReferenceKernels]],
    sets: Sequence[TensorSet],
    announce: Callable[[], None],
) -> tuple[TensorSet | None, str, str]:
    """Return the reference, a note on it, and which runtime computed it."""
    if isinstance(source.reference, Path):
        return outputs.load_npz(source.reference), "", ""
    why_not = ""
    for file, kernels in candidates:
        try:
            first, second = _answers(file, kernels, sets, announce)
        except (TargetUnfit, RunError) as error:
            why_not = why_not or str(error)
            continue
        return first, _doubt(source, sets, first, second), kernels.reference_runtime()
    return None, f"not checked: no reference ({why_not})", ""


def _answers(
    file: ModelFile,
    kernels: ReferenceKernels,
    sets: Sequence[TensorSet],
    announce: Callable[[], None],
) -> Sequence[TensorSet]:
    kept = [_cache_file(file, inputs, kernels) for inputs in sets]
    answers = [answer for path in kept if (answer := _cached(path)) is not None]
    if len(answers) < len(kept):
        announce()
        answers = list(kernels.reference(file, sets))
        for path, answer in zip(kept, answers, strict=True):
            _keep(path, answer)
    return answers


def _doubt(
    source: ModelSource, sets: Sequence[TensorSet], first: TensorSet, second: TensorSet
) -> str:
    if outputs.inputs_sha256(sets[0]) == outputs.inputs_sha256(sets[1]):
        return "ok, but proves little: every input is a given file, so no second set was tried"
    if outputs.discriminates(first, second, source.tolerance):
        return ""
    apart = outputs.check(second, first, inf).max_relative_difference / source.tolerance
    return (
        "proves nothing: two different inputs give outputs that differ by "
        f"{apart:.2g}× the tolerance, less than {outputs.DISCRIMINATION}×"
    )


def _cache_file(file: ModelFile, inputs: TensorSet, kernels: ReferenceKernels) -> Path:
    name = f"{file.sha256}/{outputs.inputs_sha256(inputs)}/{kernels.reference_runtime()}"
    if file.workload is not None:
        # What it decodes and draws is the browser's doing, not the runtime's.
        options = json.dumps(dict(file.workload.options), sort_keys=True)
        name = f"{name}/{file.workload.sha256}/{options}/{getattr(kernels, 'device', '')}"
    folder = locations.cache() / "references"
    return folder / f"{sha256(name.encode()).hexdigest()}.npz"


def _cached(path: Path) -> TensorSet | None:
    if not path.is_file():
        return None
    try:
        return outputs.load_npz(path)
    except (SuiteError, OutputUnreadable):
        # A damaged cache entry is computed again, never believed.
        return None


def _keep(path: Path, answer: TensorSet) -> None:
    # A cache that cannot be written costs time, not the run.
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, outputs.npz_bytes(answer))
