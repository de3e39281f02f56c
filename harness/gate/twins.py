"""Which cells are measured beside another build, and how: their twins, in the same blocks.

A twin is a run of the same variant on the same bench, on a target of its own that opens a session
of its own with the kept tools and runtime, and with the kept file of the model. It has latency and
memory runs alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import SuiteError
from harness.gate.builds import (
    Build,
    Part,
    PartName,
    model_part,
    reference_part,
    runtime_part,
    tool_part,
    workload_part,
)
from harness.gate.collecting import Models
from harness.model import Cell
from harness.plan import PlannedRun
from harness.plugins import Driver, KeptBuild, ModelFile, ModelFormat, ToolFile, Workload
from harness.suite.values import ModelSource, Source, Suite, Target
from harness.twin_names import Side, is_twin, twin_name


@dataclass(frozen=True, slots=True)
class Twins:
    """The runs of other builds: a prototype of each, and what they run.

    `of` is side → own cell → the cell that stands for that build; a reference that is the last good
    build has no runs of its own. `alone` is own cell → the parts of it that the last good build
    does not have.
    """

    runs: tuple[PlannedRun, ...] = ()
    models: Models = field(default_factory=dict)
    of: Mapping[Side, Mapping[Cell, Cell]] = field(default_factory=dict)
    alone: Mapping[Cell, str] = field(default_factory=dict)

    def cell(self, own: Cell, side: Side) -> Cell | None:
        """Return the cell of that build that a cell is compared with, if any."""
        return self.of.get(side, {}).get(own)


def refuse_names_of_twins(suite: Suite) -> None:
    """Refuse a suite in which something is called as a twin would be; raises `SuiteError`."""
    names = (*(m.file for m in suite.models), *(target.name for target in suite.targets))
    for name in names:
        if is_twin(name):
            raise SuiteError(
                f"{name!r} is what the gate calls its own rows of another build",
                where=str(suite.path),
                hint="give it another name",
            )


def parts_of(run: PlannedRun, format_: ModelFormat, build: Build) -> tuple[PartName, ...]:
    """Name the parts of a build that a run executes."""
    names = [
        model_part(run.model.key, format_),
        workload_part(run.model.key),
        runtime_part(run.target.driver),
        *_tools_of(run, build),
    ]
    return tuple(name for name in names if name in build.parts)


def _tools_of(run: PlannedRun, build: Build) -> tuple[PartName, ...]:
    options = (run.variant.options, run.target.options)
    if not any(hasattr(each, "tool") for each in options):
        return ()
    named = next((each.tool for each in options if getattr(each, "tool", None)), None)
    virtual = getattr(run.target.options, "device", None) == "virtual"
    if named is None and virtual:
        return ()
    # Without a name it is the only tool of the suite.
    prefix = "tool:" if named is None else tool_part(named, "")
    return tuple(name for name in build.parts if name.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Builds:
    """What a gate compares: tonight's build, and those that were kept."""

    candidate: Build
    last_good: Build
    reference: Build


def twins_of(
    runs: Iterable[PlannedRun],
    drivers: Mapping[str, Driver],
    builds: Builds,
    folder: Callable[[Part], Path],
    *,
    anyway: bool = False,
) -> Twins:
    """Give a twin to each run whose build differs from the last good one; `anyway`: to all.

    The reference has a twin of its own where it differs from both. A cell that a kept build lacks
    has none of it. `folder` tells where the files of a part lie.
    """
    making = _Making(folder)
    for run in runs:
        format_ = drivers[run.target.driver].model_format
        names = parts_of(run, format_, builds.candidate)
        if model_part(run.model.key, format_) not in names:
            # It has no file for this driver, or was left out by a selection.
            continue
        last_good = _compared(names, builds.candidate, builds.last_good)
        if last_good == "lacking":
            making.alone[run.cell] = _lacking(names, builds.last_good)
        if last_good == "lacking" or (last_good == "same" and not anyway):
            continue
        making.twin(run, format_, "last good", builds.last_good)
        if _compared(names, builds.candidate, builds.reference) != "different":
            continue
        if _compared(names, builds.last_good, builds.reference) == "same":
            making.of["reference"][run.cell] = making.of["last good"][run.cell]
        else:
            making.twin(run, format_, "reference", builds.reference)
    return Twins(tuple(making.runs), making.models, making.of, making.alone)


def _lacking(names: Sequence[PartName], build: Build) -> str:
    return ", ".join(name for name in names if name not in build.parts)


def _compared(
    names: Sequence[PartName], one: Build, other: Build
) -> Literal["same", "different", "lacking"]:
    if any(name not in one.parts or name not in other.parts for name in names):
        return "lacking"
    same = all(one.parts[name].identity == other.parts[name].identity for name in names)
    return "same" if same else "different"


class _Making:
    """Twins as they are made."""

    def __init__(self, folder: Callable[[Part], Path]) -> None:
        self.runs: list[PlannedRun] = []
        self.models: dict[tuple[str, str], dict[ModelFormat, ModelFile]] = {}
        self._kept: dict[str, KeptBuild] = {}
        self.of: dict[Side, dict[Cell, Cell]] = {"last good": {}, "reference": {}}
        self.alone: dict[Cell, str] = {}
        self._folder = folder

    def twin(self, run: PlannedRun, format_: ModelFormat, side: Side, build: Build) -> None:
        file = self._model_file(run.model, format_, build)
        model = self._source(run.model, format_, file, side, build)
        self.models.setdefault(model.key, {})[format_] = file
        name = twin_name(run.target.name, side)
        if name not in self._kept:
            self._kept[name] = self._build(run.target.driver, build)
        target = _beside(run.target, name, self._kept[name])
        cell = replace(run.cell, target=target.name)
        self.runs.append(replace(run, cell=cell, model=model, target=target))
        self.of[side][run.cell] = cell

    def _model_file(self, own: ModelSource, format_: ModelFormat, build: Build) -> ModelFile:
        part = build.parts[model_part(own.key, format_)]
        workload = build.parts.get(workload_part(own.key)) if own.workload else None
        return ModelFile(
            format_,
            self._folder(part) / part.main,
            part.known_as,
            part.size_bytes,
            self._workload(workload) if workload else None,
        )

    def _workload(self, part: Part) -> Workload:
        facts: Mapping[str, Any] = part.facts
        # The module comes first, and its options as that suite gave them.
        names = sorted(part.files, key=lambda name: name != part.main)
        return Workload(
            files={name: self._folder(part) / name for name in names},
            sha256=part.known_as,
            options=json.loads(facts["options"]),
            frames_per_second=facts["frames_per_second"],
            schedule_s=facts["schedule_s"],
        )

    def _source(
        self, own: ModelSource, format_: ModelFormat, file: ModelFile, side: Side, build: Build
    ) -> ModelSource:
        reference = build.parts.get(reference_part(own.key))
        return replace(
            own,
            file=twin_name(own.file, side),
            files={format_: Source(path=file.path, sha256=file.sha256)},
            reference=self._folder(reference) / reference.main if reference else "cpu",
            has_original=False,
            quality=None,
            evaluate=None,
            point=None,
        )

    def _build(self, driver: str, build: Build) -> KeptBuild:
        tools: dict[str, dict[str, ToolFile]] = {}
        for name, part in build.parts.items():
            kind, _, rest = name.partition(":")
            if kind == "tool":
                tool, _, abi = rest.rpartition("/")
                facts: Mapping[str, Any] = part.facts
                path = self._folder(part) / part.main
                tools.setdefault(tool, {})[abi] = ToolFile(
                    tool, abi, path, part.known_as, facts["kind"]
                )
        runtime = build.parts.get(runtime_part(driver))
        return KeptBuild(tools, self._folder(runtime) if runtime else None)


def _beside(target: Target, name: str, kept: KeptBuild) -> Target:
    """Return a target with no ratios of its own, and with no passes but latency and memory."""
    sampling = target.sampling.model_copy(update={"profile": None, "sustained": None})
    return replace(
        target,
        name=name,
        baseline=None,
        ratios=(),
        sampling=sampling,
        kept=kept,
    )
