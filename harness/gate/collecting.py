"""Collecting tonight's build: every file that a suite runs and that can be kept, with its hash."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TypeAlias

from harness.artifacts import files_of
from harness.errors import StoreError, TargetNotFound
from harness.gate.builds import (
    Build,
    Part,
    PartName,
    digest_of,
    model_part,
    reference_part,
    runtime_part,
    tool_part,
    workload_part,
)
from harness.model import Facts
from harness.plugins import Driver, KeepsRuntime, ModelFile, ModelFormat, ToolFile, Workload
from harness.suite.values import ModelSource

Models: TypeAlias = Mapping[tuple[str, str], Mapping[ModelFormat, ModelFile]]
Tools: TypeAlias = Mapping[str, Mapping[str, ToolFile]]


@dataclass(frozen=True, slots=True)
class Collected:
    """A build, and where each file of its parts lies: part → path inside → file."""

    build: Build
    files: Mapping[PartName, Mapping[str, Path]]


def collect(
    sources: Iterable[ModelSource], drivers: Mapping[str, Driver], models: Models, tools: Tools
) -> Collected:
    """Hash everything that can be kept.

    Raises:
        StoreError: a file cannot be read.
    """
    parts: dict[PartName, Part] = {}
    files: dict[PartName, Mapping[str, Path]] = {}
    found = (*_models(sources, models), *_tools(tools), *_runtimes(drivers))
    for name, inside, main, known_as, facts in found:
        parts[name] = part_of(inside, main, known_as, facts)
        files[name] = inside
    return Collected(Build(parts), files)


_Found: TypeAlias = tuple[PartName, Mapping[str, Path], str, str, Facts]


def _models(sources: Iterable[ModelSource], models: Models) -> Iterator[_Found]:
    references = {source.key: source.reference for source in sources}
    for key, formats in models.items():
        for format_, file in formats.items():
            yield model_part(key, format_), files_of(file), file.path.name, file.sha256, {}
            if file.workload:
                yield _workload(key, file.workload)
        reference = references.get(key)
        if isinstance(reference, Path) and reference.is_file():
            yield reference_part(key), {reference.name: reference}, reference.name, "", {}


def _workload(key: tuple[str, str], workload: Workload) -> _Found:
    facts: Facts = {
        "options": json.dumps(workload.options),
        "frames_per_second": workload.frames_per_second,
        "schedule_s": workload.schedule_s,
    }
    return workload_part(key), workload.files, workload.module, workload.sha256, facts


def _tools(tools: Tools) -> Iterator[_Found]:
    for name, builds in tools.items():
        for abi, tool in builds.items():
            inside = {tool.path.name: tool.path}
            yield tool_part(name, abi), inside, tool.path.name, tool.sha256, {"kind": tool.kind}


def _runtimes(drivers: Mapping[str, Driver]) -> Iterator[_Found]:
    for name, driver in drivers.items():
        if not isinstance(driver, KeepsRuntime):
            continue
        # One that is not installed costs its own cells, which are skipped and say so.
        with suppress(TargetNotFound):
            files = driver.runtime_files()
            if files:
                yield runtime_part(name), files, "", "", {}


def part_of(files: Mapping[str, Path], main: str, known_as: str, facts: Facts) -> Part:
    """Return files, by their path inside, as a part.

    Raises:
        StoreError: a file cannot be read.
    """
    digests = {inside: sha256_of(path) for inside, path in files.items()}
    digest = digest_of(digests)
    size = sum(path.stat().st_size for path in files.values())
    return Part(digest, known_as or digest, main, size, digests, facts)


def sha256_of(path: Path) -> str:
    """Return the hash of a file; raises `StoreError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StoreError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            hint="a gate reads every file of the build before it measures: bring it back",
        ) from error
