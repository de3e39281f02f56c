"""What a digest says, as frozen values; docs/nightly.md describes their JSON field by field.

Times of day are ISO 8601 in UTC, durations are in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from harness.model import Cell, Scalar

FORMAT = "edgebench-digest"
VERSION = 1
"""Of the JSON: raised when a field changes its meaning or goes; fields are added without."""

DeviceState: TypeAlias = Literal["present", "missing", "lost", "gone", "not tried"]
"""`lost` went away during the session, `gone` is a target of the session before and not of this."""

Trouble: TypeAlias = Literal[
    "regressed",
    "newly failed",
    "missing",
    "environment changed",
    "drifted",
    "device missing",
    "device lost",
    "invalid",
    "failed",
    "skipped",
    "not run",
    "not comparable",
    "nothing measured",
    "gate not green",
    "last good stays",
    "throttled",
    "noisy",
    "disturbed",
    "no value",
    "made up for",
    "device gone",
]
"""What is wrong, in one word or two; docs/nightly.md says what each means, and which are red."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and the one next step for it.

    `red` is what makes a nightly job fail; the rest is to be watched. `runs` is how many runs are
    concerned, 0 where it is not about runs.
    """

    trouble: Trouble
    red: bool
    target: str
    cells: tuple[Cell, ...]
    runs: int
    why: str
    next_step: str


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A target of the session and what became of it; `device` is '' where it never was seen.

    `last_seen_utc` is when the latest earlier session began that measured a missing one.
    """

    target: str
    bench: str
    device: str
    virtual: bool
    state: DeviceState
    measured: int
    runs: int
    why: str = ""
    last_seen_utc: str = ""


@dataclass(frozen=True, slots=True)
class LaneHours:
    """What one bench worked: the sum of its runs, and the span from its first to its last."""

    bench: str
    targets: tuple[str, ...]
    runs: int
    measuring_s: float
    from_utc: str
    to_utc: str
    span_s: float


@dataclass(frozen=True, slots=True)
class Change:
    """A fact that is another one than in the session before, or than at last good (`since`).

    `factor` is os, device, browser, tool, tfjs, model, harness or setting; a changed setting
    means that times of the two sessions must not be compared.
    """

    bench: str
    targets: tuple[str, ...]
    factor: str
    fact: str
    before: Scalar
    now: Scalar
    since: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the gate decided; `counts` is verdict → how many things were judged so.

    On a `first_night` there was no last good build to judge by.
    """

    green: bool
    first_night: bool
    moved: bool
    why_not_moved: str
    decided_utc: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SessionDigest:
    """One session: `complete` of its `cells` have every run that was planned, or made up for.

    `verdicts` is None where no gate judged it; `compared_with` is the folder of the earlier
    session that `changes` are told against, '' where there is none.
    """

    suite: str
    folder: str
    label: str
    started_utc: str
    cells: int
    complete: int
    runs: int
    measured: int
    verdicts: Verdicts | None
    devices: tuple[DeviceSeen, ...]
    findings: tuple[Finding, ...]
    lanes: tuple[LaneHours, ...]
    changes: tuple[Change, ...]
    compared_with: str = ""
    compared_with_started_utc: str = ""

    @property
    def red(self) -> bool:
        """Whether something in it makes a nightly job fail."""
        return any(finding.red for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A result folder that cannot be read: why, and what to do."""

    folder: str
    why: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Digest:
    """The morning page: sessions, the red ones first, and folders that cannot be read."""

    sessions: tuple[SessionDigest, ...]
    unreadable: tuple[Unreadable, ...] = field(default=())

    @property
    def red(self) -> bool:
        """Whether a nightly job that prints this must fail."""
        return bool(self.unreadable) or any(session.red for session in self.sessions)
