"""A build as a gate keeps it: which files its models, tools and runtimes were, and its night.

Parts are told apart by what they consist of, never by where they lie: two builds are the same
where their hashes are.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from harness.model import Cell, Facts
from harness.plugins import ModelFormat

PartName: TypeAlias = str
"""What a part is: `model:NAME/FILE/FORMAT`, `tool:NAME/ABI`, `runtime:DRIVER`, …"""

State: TypeAlias = Literal["measured", "failed", "missing", "unsupported"]
"""How a cell ended on a night."""

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Files that belong together: `files` is path inside the part → sha256.

    `sha256` is over all of them with their paths; `known_as` the hash by which runs name the part
    in their subject; `main` the path inside of the file that is opened. `facts` are what else is
    needed to run it.
    """

    sha256: str
    known_as: str
    main: str
    size_bytes: int
    files: Mapping[str, str]
    facts: Facts = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What two parts share that run the same, whatever their files are called."""
        return json.dumps([self.known_as, dict(self.facts)], sort_keys=True)


@dataclass(frozen=True, slots=True)
class Build:
    """All parts of a suite that can be kept, by their names."""

    parts: Mapping[PartName, Part]

    @property
    def sha256(self) -> str:
        """The hash by which the whole build is known."""
        return digest_of({name: part.identity for name, part in self.parts.items()})

    def completed(self, other: Build) -> Build:
        """Return this build with the parts of another one that it has nothing for."""
        return Build({**other.parts, **self.parts})


@dataclass(frozen=True, slots=True)
class NotedCell:
    """How a cell ended on the night of a build; `nodes` is `N of M` delegated, '' if not told."""

    cell: Cell
    state: State
    nodes: str = ""


@dataclass(frozen=True, slots=True)
class KeptNight:
    """A build that was kept, and what its night noted of cells and of what cannot be kept.

    `folder` is the name of the result folder in which it was the candidate; `environment` is
    bench → fact → value.
    """

    suite: str
    kept_utc: str
    folder: str
    build: Build
    cells: tuple[NotedCell, ...] = ()
    environment: Mapping[str, Facts] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def noted(self) -> Mapping[Cell, NotedCell]:
        """What was noted of each cell that the night had."""
        return {each.cell: each for each in self.cells}


def digest_of(files: Mapping[str, str]) -> str:
    """Return one hash over named hashes, whatever their order."""
    lines = (f"{digest} {name}" for name, digest in sorted(files.items()))
    return sha256("\n".join(lines).encode("utf-8", errors="surrogatepass")).hexdigest()


def model_part(key: tuple[str, str], format_: ModelFormat) -> PartName:
    """Name the file of a model in a format."""
    return f"model:{'/'.join(key)}/{format_}"


def workload_part(key: tuple[str, str]) -> PartName:
    """Name the workload that runs in a model's place."""
    return f"workload:{'/'.join(key)}"


def reference_part(key: tuple[str, str]) -> PartName:
    """Name the file with a model's reference outputs."""
    return f"reference:{'/'.join(key)}"


def tool_part(name: str, abi: str) -> PartName:
    """Name the build of a tool for an ABI."""
    return f"tool:{name}/{abi}"


def runtime_part(driver: str) -> PartName:
    """Name the runtime of a driver."""
    return f"runtime:{driver}"


def night_to_bytes(night: KeptNight) -> bytes:
    """Return the text of a `build.json`."""
    shown = json.dumps(dataclasses.asdict(night), indent=1, ensure_ascii=False, sort_keys=True)
    return shown.encode("utf-8", errors="surrogatepass") + b"\n"


def night_from_bytes(data: bytes) -> KeptNight:
    """Read the text of a `build.json`.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is damaged, or of a newer edgebench.
    """
    record: dict[str, Any] = json.loads(data.decode("utf-8", errors="surrogatepass"))
    if record["schema"] > SCHEMA:
        raise ValueError(f"it has schema {record['schema']}, known is {SCHEMA}: update edgebench")
    parts = {name: Part(**part) for name, part in record["build"]["parts"].items()}
    cells = tuple(
        NotedCell(Cell(**each["cell"]), each["state"], each["nodes"]) for each in record["cells"]
    )
    return KeptNight(**{**record, "build": Build(parts), "cells": cells})
