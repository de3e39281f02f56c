"""How much of this host's CPU others took while a run was measured.

Others are all programs but this one, its children and theirs, also those that ended meanwhile.
Time that the hypervisor gave to other machines (steal) is told apart. CPU pressure is the share
of time in which some task waited for a CPU.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from harness.model import Facts
from harness.plugins import API_VERSION, Probed
from harness.transports.cpu_accounts import (
    Accounts,
    HostCpu,
    host_cpu,
    our_accounts,
    pressure_s,
    used_s,
)


class CpuContention:
    """Watches the CPU of this host; what the platform does not tell is None."""

    name = "cpu_contention"
    api_version = API_VERSION

    def start(self) -> Callable[[], Probed]:
        """Begin to watch."""
        begun, host, ours, pressure = time.monotonic(), host_cpu(), our_accounts(), pressure_s()

        def stop() -> Probed:
            elapsed_s = time.monotonic() - begun
            shares = _shares(elapsed_s, (host, host_cpu()), (ours, our_accounts(ours)))
            waited_s = _difference(pressure_s(), pressure)
            pressed = None if waited_s is None else _share(waited_s, elapsed_s)
            return Probed(
                {
                    **shares,
                    "cpu_pressure": pressed,
                    "load1": round(os.getloadavg()[0], 2),
                    "window_s": round(elapsed_s, 3),
                }
            )

        return stop


def _shares(
    elapsed_s: float,
    host: tuple[HostCpu | None, HostCpu | None],
    ours: tuple[Accounts | None, Accounts | None],
) -> Facts:
    capacity_s = elapsed_s * (os.cpu_count() or 1)
    (before, after), (ours_before, ours_after) = host, ours
    if before is None or after is None or ours_before is None or ours_after is None:
        return {"others_cpu_share": None, "steal_cpu_share": None}
    others_s = after.busy_s - before.busy_s - used_s(ours_before, ours_after)
    return {
        "others_cpu_share": _share(others_s, capacity_s),
        "steal_cpu_share": _share(after.steal_s - before.steal_s, capacity_s),
    }


def _share(part_s: float, whole_s: float) -> float | None:
    return round(min(1.0, max(0.0, part_s / whole_s)), 4) if whole_s > 0 else None


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


PLUGIN = CpuContention()
