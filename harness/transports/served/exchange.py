"""What passes between the code of a visit and the page that does its work, in two directions.

The page asks: it holds a poll until there is something to do. So nothing here ever calls the
device, and no poll is held while the page measures. `next`, `answer` and `disturb` are called
by the server's threads, everything else by the thread that visits.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from harness.errors import RunFailed, RunTimedOut, TargetLost
from harness.options import Options

LOBBY = "lobby"
_LOOK_AGAIN_S = 0.5
_LOADS_WITHIN_S = 30.0
_HIDDEN_HINT = (
    "keep the page in front and the screen on until it says that it is done; "
    "a block is added for the one that was spoilt"
)
_BACK_HINT = "open the address in the same browser again, and leave its page in front"


@dataclass(frozen=True, slots=True)
class Order:
    """What a page is to do next."""

    do: Literal["wait", "open", "evaluate", "over"]
    url: str = ""
    job: str = ""
    function: str = ""
    argument: Any = None


WAIT = Order("wait")
OVER = Order("over")

Line = Annotated[str, Field(max_length=2000)]


class Seen(Options):
    """What a page noticed of itself while it did a job."""

    hidden: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    slept_s: Annotated[float, Field(ge=-1e9, le=1e9)] = 0.0
    wake_lock: Annotated[str, Field(max_length=100)] = ""
    console: Annotated[tuple[Line, ...], Field(max_length=200)] = ()
    errors: Annotated[tuple[Line, ...], Field(max_length=200)] = ()


class Answer(Options):
    """What a page sends back for a job: a value, or the message of what was thrown."""

    job: Annotated[str, Field(max_length=100)]
    value: JsonValue = None
    error: Annotated[str, Field(max_length=2000)] | None = None
    seen: Seen


class Disturbance(Options):
    """What a page says at once when it is hidden or left."""

    at: Annotated[str, Field(max_length=100)]
    why: Literal["hidden", "frozen", "left"]


@dataclass(slots=True)
class _Job:
    id: str
    function: str
    argument: Any
    handed_out: bool = False
    answer: Answer | None = None
    disturbed: str = ""


class Exchange:
    """One device's conversation: where it is to be, and the one job that it has."""

    def __init__(self, lobby_url: str = "/") -> None:
        self._changed = threading.Condition()
        self._lobby_url = lobby_url
        self._place, self._url = LOBBY, lobby_url
        self._polls: Counter[str] = Counter()
        self._job: _Job | None = None
        self._over = False
        self._interrupted = False
        self.said_goodbye = threading.Event()

    @property
    def url(self) -> str:
        """The page that the device is to be on."""
        with self._changed:
            return self._url

    def next(self, at: str, gone: Callable[[], bool], within_s: float) -> Order:
        """Return what a page is to do that is at a place; waits for it up to a time.

        `gone` tells that nobody waits for the answer any more.
        """
        deadline = time.monotonic() + within_s
        with self._changed:
            if self._job is not None and self._job.handed_out and at == self._place:
                self._spoil("the page was loaded again, or its connection broke")
            self._polls[at] += 1
            self._changed.notify_all()
            try:
                while (order := self._order(at)) is None:
                    if gone() or time.monotonic() > deadline:
                        return WAIT
                    self._changed.wait(_LOOK_AGAIN_S)
                return order
            finally:
                self._polls[at] -= 1

    def answer(self, answer: Answer) -> bool:
        """Take the answer of the job that was given out; False if it is not that, or is late."""
        with self._changed:
            job = self._job
            if job is None or not job.handed_out or job.answer is not None:
                return False
            if not secrets.compare_digest(job.id.encode(), answer.job.encode()):
                return False
            job.answer = answer
            self._changed.notify_all()
            return True

    def disturb(self, disturbance: Disturbance) -> None:
        """Take note that the page of the run is no longer in front."""
        with self._changed:
            if disturbance.at == self._place:
                self._spoil(f"the page was {disturbance.why}")

    def expects(self, at: str) -> bool:
        """Tell whether a place is where the device is to be."""
        with self._changed:
            return at == self._place and not self._over

    def end(self) -> None:
        """Tell whoever asks that there is nothing more to do."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def begin(self, within_s: float) -> None:
        """Wait until the device asks for work.

        Raises:
            TargetLost: it did not.
        """
        with self._changed:
            self._interrupted = False
        if not self._wait(lambda: any(self._polls.values()), time.monotonic() + within_s):
            raise TargetLost("the served browser does not ask for work", hint=_BACK_HINT)

    def interrupt(self) -> None:
        """End whatever is waited for, from any thread."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def open(self, url: str, place: str, deadline: float) -> None:
        """Have the device load a page, which asks for work by the name of its place.

        Raises:
            TargetLost: it did not, in half a minute or by the deadline.
        """
        with self._changed:
            self._place, self._url = place, url
            self._changed.notify_all()
        deadline = min(deadline, time.monotonic() + _LOADS_WITHIN_S)
        if not self._wait(lambda: self._polls[place] > 0, deadline):
            raise TargetLost("the served browser did not load the run's page", hint=_BACK_HINT)

    def leave(self) -> None:
        """Have the device go back to the lobby; nobody waits for that."""
        with self._changed:
            self._place, self._url = LOBBY, self._lobby_url
            self._changed.notify_all()

    def evaluate(self, function: str, argument: Any, deadline: float) -> Answer:
        """Give the page a job and wait for its answer.

        Raises:
            RunFailed: page-hidden: the page did not stay in front.
            RunTimedOut: there is no answer by the deadline.
        """
        with self._working(function, argument) as job:
            done = self._wait(lambda: job.answer is not None or job.disturbed, deadline)
            if job.disturbed:
                raise hidden(job.disturbed)
            if not done or job.answer is None:
                raise RunTimedOut(
                    "the page did not answer in time", hint="raise `timeout_s` in `sampling`"
                )
            return job.answer

    @contextmanager
    def _working(self, function: str, argument: Any) -> Iterator[_Job]:
        job = _Job(secrets.token_urlsafe(16), function, argument)
        with self._changed:
            self._job = job
            self._changed.notify_all()
        try:
            yield job
        finally:
            with self._changed:
                self._job = None

    def _order(self, at: str) -> Order | None:
        job = self._job
        if self._over:
            # Only the lobby's page tells the person that all is done.
            return OVER if at == LOBBY else Order("open", url=self._lobby_url)
        if at != self._place:
            return Order("open", url=self._url)
        if job is not None and not job.handed_out:
            job.handed_out = True
            return Order("evaluate", job=job.id, function=job.function, argument=job.argument)
        return None

    def _spoil(self, why: str) -> None:
        if self._job is not None and not self._job.disturbed and self._job.answer is None:
            self._job.disturbed = why
            self._changed.notify_all()

    def _wait(self, reached: Callable[[], Any], deadline: float) -> bool:
        def ended() -> bool:
            return self._interrupted or self._over or bool(reached())

        with self._changed:
            self._changed.wait_for(ended, max(0.0, deadline - time.monotonic()))
            if self._interrupted or self._over:
                raise RunFailed(
                    "the run was ended from outside", hint="run it again", kind="killed"
                )
            return bool(reached())


def hidden(why: str) -> RunFailed:
    """Return the failure of a run whose page did not stay in front."""
    return RunFailed(f"{why} while it measured", hint=_HIDDEN_HINT, kind="page-hidden")
