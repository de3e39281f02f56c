"""Last good moves at once or not at all, wherever the process is killed, and the reference stays."""

from __future__ import annotations

import os
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gate_parts import CELL, LAST_GOOD, at, found, judged_night, night_of, written

from harness.cli import gate as verb
from harness.gate.builds import Build
from harness.gate.collecting import Collected, part_of
from harness.gate.last_good import LastGood
from harness.gate.twins import Builds
from harness.store.gate_record import read_gate

SAME = {CELL: at(1.0, seed=2), LAST_GOOD: at(1.0)}
MODEL = "model:blazeface/fp32/tfjs"


class Killed(BaseException):
    """The process ends here."""


def collected(folder: Path, content: bytes) -> Collected:
    files = written(folder, {"model.json": content})
    return Collected(Build({MODEL: part_of(files, "model.json", "", {})}), {MODEL: files})


def a_gate(kept: LastGood, tonight: Collected) -> Any:
    return SimpleNamespace(
        kept=kept,
        collected=tonight,
        last_good=kept.read(),
        reference=kept.read_reference(),
    )


def arguments(**given: Any) -> Namespace:
    return Namespace(**{"accept": [], "pin_reference": False, **given})


def move(tmp_path: Path, kept: LastGood, tonight: Collected, **given: Any) -> None:
    """Do what a gate does after it has measured, or take it up again as `--resume` does."""
    gate = a_gate(kept, tonight)
    folder = tmp_path / "tonight"
    if verb._was_moving(folder, gate.last_good):
        verb._pin(arguments(**given), gate, gate.last_good)
        verb._mark_as_moved(folder)
        return
    kept.stage(tonight)
    builds = Builds(tonight.build, gate.last_good.build, gate.reference.build)
    night = judged_night(found(SAME), builds=builds, pins=given.get("pin_reference", False))
    verb._conclude(arguments(**given), gate, night, folder)


@pytest.mark.parametrize("pins", [False, True])
def test_a_kill_at_any_step_of_the_move_leaves_one_build_and_a_resume_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pins: bool
) -> None:
    killed = 0
    for step in range(40):
        root = tmp_path / str(step)
        (root / "tonight").mkdir(parents=True)
        first, tonight = collected(root / "a", b"first"), collected(root / "b", b"newer")
        kept = LastGood(root / "last-good")
        kept.stage(first)
        kept.keep(night_of(first.build))
        steps = iter(range(1000))

        def counting(
            real: Callable[..., Any], steps: Any = steps, at_step: int = step
        ) -> Callable[..., Any]:
            def call(*given: Any, **more: Any) -> Any:
                if next(steps) == at_step:
                    raise Killed
                return real(*given, **more)

            return call

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", counting(os.fsync))
            patched.setattr(shutil, "copy", counting(shutil.copy))
            patched.setattr(Path, "rename", counting(Path.rename))
            patched.setattr(Path, "replace", counting(Path.replace))
            try:
                move(root, kept, tonight, pin_reference=pins)
            except Killed:
                killed += 1
        now, reference = kept.read(), kept.read_reference()
        assert now is not None
        assert reference is not None
        assert now.build in (first.build, tonight.build)
        assert reference.build in ((first.build, tonight.build) if pins else (first.build,))
        kept.check(now.build)
        kept.check(reference.build)
        record = read_gate(root / "tonight")
        assert record is None or not record.moved or now.build == tonight.build
        if record is None or not record.moved:
            move(root, kept, tonight, pin_reference=pins)
        record, now, reference = read_gate(root / "tonight"), kept.read(), kept.read_reference()
        assert record is not None
        assert record.moved
        assert now is not None
        assert now.build == tonight.build
        assert reference is not None
        assert reference.build == (tonight.build if pins else first.build)
    assert 10 < killed < 40
