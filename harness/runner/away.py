"""A target that went away: waited for with growing pauses, for a bounded time.

Only this lane waits; the pauses end at once when the session is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from harness.errors import HarnessError, TargetError, TargetUnfit
from harness.model import Failure
from harness.plugins import Recoverable, Session
from harness.retries import RetryPolicy

# While it is being opened a target may still be coming up; one that is not there at all, or
# that needs a hand, is not waited for.
_COMING_UP = frozenset({"target-lost", "offline", "adb-timed-out"})
_GONE = "target-gone"

Value = TypeVar("Value")


def reach_again(
    session: Session, lost: HarnessError, policy: RetryPolicy, stop: threading.Event
) -> str:
    """Wait until a lost target is back; return the class of what happened meanwhile, or ''.

    Raises:
        TargetError: it is not back in time, or `stop` was set; it cannot come back by itself.
    """
    if not isinstance(session, Recoverable):
        raise as_target_error(lost)
    return _insist(session.recover, policy.waits_s, stop, again=lambda error: error.kind != _GONE)


def open_patiently(
    open_session: Callable[[], Session], policy: RetryPolicy, stop: threading.Event
) -> Session:
    """Open a target, and wait for one that is just coming up.

    Raises:
        TargetError: it cannot be used, or `stop` was set.
    """
    return _insist(open_session, policy.waits_s, stop, again=lambda error: error.kind in _COMING_UP)


def _insist(
    step: Callable[[], Value],
    waits_s: Sequence[float],
    stop: threading.Event,
    again: Callable[[HarnessError], bool],
) -> Value:
    for wait_s in waits_s:
        try:
            return step()
        except HarnessError as error:
            if not again(error) or stop.wait(wait_s):
                raise as_target_error(error) from error
    try:
        return step()
    except HarnessError as error:
        raise as_target_error(error) from error


def as_target_error(error: HarnessError) -> TargetError:
    """Return an error as one of its target: a call that took too long is one of a run."""
    if isinstance(error, TargetError):
        return error
    return TargetUnfit(error.message, hint=error.hint, where=error.where, kind=error.kind)


def quarantined(losses: int, last: Failure) -> TargetUnfit:
    """Return the reason why a target that is lost again and again is left alone."""
    return TargetUnfit(
        f"lost {losses} times, so its other runs are not tried; the last time: {last.message}",
        hint="change its cable or port, look at `edgebench devices`, then make the missing runs "
        "with --resume",
        kind="quarantined",
    )
