"""Whether a run's clocks can be believed: the device's, beside the host's; pure.

The tool times with the device's clocks; TFLite's own uses the time of day. The wrapper reads
uptime and time of day just before and just after it, and the host's clock runs beside: where
they disagree by more than the way over adb can explain, some clock jumped, and no figure of that
run means anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.model import Failure

_SLACK_S = 2.0
_SLACK_SHARE = 0.1
"""The host also waits for the connection, the shell, and the way back of what it said."""
_WAY_S = 30.0
"""Nothing on that way takes longer than this and still ends well."""
_HINT = (
    "let the device set its clock once, keep it from sleeping (`conditions: {stay_awake: true}`), "
    "then run again"
)


def clock_failure(markers: Mapping[str, Mapping[str, str]], host_s: float) -> Failure | None:
    """Return why the clocks of a run cannot be believed; None if they can, or nobody knows.

    `markers` are the wrapper's lines by kind, with `uptime` and `clock` in seconds; `host_s` is
    how long the host waited for the whole run.
    """
    device_s = _passed(markers, "uptime")
    if device_s is None:
        return None
    said = _jump(device_s, host_s) or _set_meanwhile(device_s, _passed(markers, "clock"))
    return Failure("clock-jump", said, _HINT) if said else None


def _passed(markers: Mapping[str, Mapping[str, str]], clock: str) -> float | None:
    begun, ended = (markers.get(kind, {}).get(clock, "") for kind in ("BEGIN", "END"))
    return float(ended) - float(begun) if begun and ended else None


def _jump(device_s: float, host_s: float) -> str:
    if device_s < 0:
        return f"the device's uptime went back by {-device_s:.1f} s during the run"
    if device_s > host_s * (1 + _SLACK_SHARE) + _SLACK_S:
        return f"{device_s:.1f} s passed on the device during the run, and {host_s:.1f} s here"
    if device_s < host_s * (1 - _SLACK_SHARE) - _WAY_S:
        return f"only {device_s:.1f} s passed on the device during the run, and {host_s:.1f} s here"
    return ""


def _set_meanwhile(device_s: float, clock_s: float | None) -> str:
    if clock_s is None or abs(clock_s - device_s) <= _SLACK_S + _SLACK_SHARE * device_s:
        return ""
    by_s = clock_s - device_s
    return (
        f"the device's time of day was set {'forward' if by_s > 0 else 'back'} by {abs(by_s):.1f} s"
    )
