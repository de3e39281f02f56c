"""How long the threads of the measured processes were ready to run and waited for a CPU.

Measured processes are all that stand below this one. `run_wait_s` is over all their threads;
`run_wait_share` is the part of the time in which they wanted a CPU that they waited for one. A
thread that ended meanwhile is not in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from harness.model import Facts
from harness.plugins import API_VERSION, Probed
from harness.transports.cpu_accounts import Thread, Waiting, our_accounts, thread_times


class RunWait:
    """Watches the threads of what is measured; what the platform does not tell is None."""

    name = "run_wait"
    api_version = API_VERSION

    def start(self) -> Callable[[], Probed]:
        """Begin to watch."""
        begun = _measured()
        return lambda: Probed(_waited(begun, _measured()))


def _measured() -> Mapping[Thread, Waiting]:
    ours = our_accounts() or {}
    return thread_times(pid for pid in ours if pid != os.getpid())


def _waited(before: Mapping[Thread, Waiting], after: Mapping[Thread, Waiting]) -> Facts:
    ran_s = waited_s = 0.0
    none = Waiting(0.0, 0.0)
    for thread, now in after.items():
        was = before.get(thread, none)
        # A number that was given again to a new thread begins at nothing.
        was = was if was.ran_s <= now.ran_s else none
        ran_s += now.ran_s - was.ran_s
        waited_s += now.waited_s - was.waited_s
    wanted_s = ran_s + waited_s
    if not after:
        return {"run_wait_s": None, "run_wait_share": None}
    return {
        "run_wait_s": round(waited_s, 4),
        "run_wait_share": round(waited_s / wanted_s, 4) if wanted_s > 0 else None,
    }


PLUGIN = RunWait()
