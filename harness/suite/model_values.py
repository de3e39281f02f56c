"""Models and sources as a suite's values, from keys that were checked where they stood."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.options import Options
from harness.outputs import ORIGINAL, PRECISIONS, TOLERANCES, Precision
from harness.plugins import MODEL_FORMATS, ModelFormat
from harness.suite.keys import FileKeys, ModelKeys, SourceKeys, ToolKeys
from harness.suite.model_keys import WorkloadKeys
from harness.suite.values import (
    DeclaredQuality,
    Evaluation,
    Generated,
    InputSpec,
    ModelSource,
    Point,
    Source,
    WorkloadSource,
)


def model_files(
    name: str,
    keys: ModelKeys,
    folder: Path,
    network: tuple[str, Options] | None,
    point: Point | None,
) -> Iterator[ModelSource]:
    """Give an entry per file of a model; relative paths are resolved against `folder`.

    `network` is what a generated model is built from, with its options; `point` what the model
    was expanded from.
    """
    # Its parts were valid where they stood.
    alone = FileKeys.model_construct(
        **{format_: getattr(keys, format_) for format_ in MODEL_FORMATS},
        tolerance=keys.tolerance,
        quality=keys.quality,
    )
    files = keys.files or {keys.file: alone}
    for file, own in files.items():
        named: dict[ModelFormat, SourceKeys | None] = {
            format_: getattr(own, format_) for format_ in MODEL_FORMATS
        }
        precision = _precision(file)
        yield ModelSource(
            name=name,
            file=file,
            generated=Generated(network[0], keys.seed, precision, network[1]) if network else None,
            files={format_: _source(found, folder) for format_, found in named.items() if found},
            inputs=_inputs(keys, folder),
            reference="cpu" if keys.reference == "cpu" else _resolved(keys.reference, folder),
            tolerance=TOLERANCES[precision] if own.tolerance is None else own.tolerance,
            has_original=file != ORIGINAL and ORIGINAL in files,
            quality=_quality(own),
            evaluate=_evaluation(keys, folder),
            point=point,
            workload=_workload(keys.workload, folder) if keys.workload else None,
            licence=keys.licence or "",
            origin=keys.source or "",
        )


def _workload(keys: WorkloadKeys, folder: Path) -> WorkloadSource:
    schedule = keys.schedule
    return WorkloadSource(
        module=_resolved(keys.module, folder),
        assets=tuple(keys.assets),
        options=keys.options,
        frames_per_second=schedule.frames_per_second if schedule else None,
        schedule_s=schedule.seconds if schedule else 0.0,
    )


def _quality(keys: FileKeys) -> DeclaredQuality | None:
    said = keys.quality
    if said is None:
        return None
    return DeclaredQuality(said.metric, said.value, said.source, tuple(said.sha256))


def _evaluation(keys: ModelKeys, folder: Path) -> Evaluation | None:
    asked = keys.evaluate
    if asked is None:
        return None
    labelled = _resolved(asked.set, folder) if asked.set else None
    return Evaluation(asked.metric, labelled, asked.examples)


def _precision(file: str) -> Precision:
    """Return the kind that a file's name says; a name of one's own promises float32."""
    return next((precision for precision in PRECISIONS if precision == file), "fp32")


def _inputs(keys: ModelKeys, folder: Path) -> tuple[InputSpec, ...]:
    return tuple(
        InputSpec(
            name=input_name,
            shape=None if given.shape is None else tuple(given.shape),
            dtype=given.dtype,
            low=given.range[0] if given.range else None,
            high=given.range[1] if given.range else None,
            file=_resolved(given.file, folder) if given.file else None,
        )
        for input_name, given in keys.inputs.items()
    )


def pinned_source(keys: SourceKeys, tool: ToolKeys, folder: Path) -> Source:
    """Return where a tool's build is, with its own hash or the tool's only one."""
    source = _source(keys, folder)
    return replace(source, sha256=source.sha256 or tool.sha256)


def _source(keys: SourceKeys, folder: Path) -> Source:
    path = _resolved(keys.path, folder) if keys.path else None
    return Source(path=path, url=keys.url, sha256=keys.sha256)


def _resolved(text: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder / os.path.expanduser(text)))  # noqa: PTH111  never raises
