"""What happens while a plan runs, as frozen values: the progress display reads only these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from harness.errors import HarnessError, TargetError
from harness.looks import State
from harness.model import RunResult
from harness.plan import PlannedRun


@dataclass(frozen=True, slots=True)
class LaneAhead:
    """A lane of a session: its bench, what people call it, and how many runs it has."""

    bench: str
    name: str
    runs: int


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A session begins: how many runs are left to do, and about how long they take.

    No block begins after `until`, where there is one. Where looks decide how many blocks there
    are, the runs are those before the next one, and `looks` are all.
    """

    folder: str
    runs: int
    blocks: int
    estimated_s: float
    lanes: tuple[LaneAhead, ...] = ()
    until: datetime | None = None
    looks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Serving:
    """A browser may come to `address`, which is good for one; `qr` is the same for cameras.

    `fingerprint` is that of a certificate made for this session, `expected` the device that a
    resumed session waits for.
    """

    address: str
    qr: str
    fingerprint: str = ""
    expected: str = ""


@dataclass(frozen=True, slots=True)
class BrowserJoined:
    """A browser came in; `user_agent` is what it calls itself."""

    label: str
    browser: str
    user_agent: str
    threads: bool


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that is no part of a run, and that a person should see."""

    text: str


@dataclass(frozen=True, slots=True)
class TargetOpened:
    """A target is ready; `device` is its label for people, `notes` what they should know."""

    target: str
    device: str
    bench: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetUnavailable:
    """A target cannot be used (any more): its `runs_skipped` runs are stored as skipped."""

    target: str
    error: TargetError
    runs_skipped: int


@dataclass(frozen=True, slots=True)
class TargetAway:
    """A target went away; it is tried again for about `waits_s` seconds."""

    target: str
    error: HarnessError
    waits_s: float


@dataclass(frozen=True, slots=True)
class TargetBack:
    """A target is back, and its runs go on; `happened` is what is known to have happened."""

    target: str
    happened: str


@dataclass(frozen=True, slots=True)
class BlockAdded:
    """A block was spoilt by something that is no fault of what was measured; this many runs
    were added to the plan in its place.

    `why` is '' after a failure, which has been told of.
    """

    target: str
    model: str
    runs: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """A lane looked at the intervals of a model after so many blocks; '' is all models together.

    `half_width` is that of the widest, on the log scale: infinite where one is missing, None
    where there is none. `runs` more follow; if none do, `state` says why.
    """

    bench: str
    model: str
    blocks: int
    half_width: float | None
    precision: float
    state: State
    runs: int


@dataclass(frozen=True, slots=True)
class ReferenceStarted:
    """A reference output is being computed, once per model, inputs and runtime."""

    target: str
    model: str


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins."""

    run: PlannedRun


@dataclass(frozen=True, slots=True)
class RunWaiting:
    """A run cannot begin yet, for this reason."""

    run: PlannedRun
    why: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run is over and on disk."""

    run: PlannedRun
    result: RunResult


@dataclass(frozen=True, slots=True)
class SessionFinished:
    """All runs are over, or the session was interrupted."""

    interrupted: bool


Event: TypeAlias = (
    SessionStarted
    | Serving
    | BrowserJoined
    | Noticed
    | TargetOpened
    | TargetUnavailable
    | TargetAway
    | TargetBack
    | BlockAdded
    | Looked
    | ReferenceStarted
    | RunStarted
    | RunWaiting
    | RunFinished
    | SessionFinished
)
