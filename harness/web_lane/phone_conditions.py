"""The phone of a run in a browser: what of it must match, and how it was when it ran; pure."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import OutputUnreadable
from harness.model import Capture, Facts, Reading
from harness.phone_care.reading import read_run_conditions

CONDITIONS = "conditions.json"
"""The file of a capture with the gate's rules, and what it found before the run."""


def phone_setting(device: Facts) -> Facts:
    """Return what must match of the phone that a browser runs on; {} for this host."""
    if not device:
        return {}
    if device.get("virtual"):
        return {"virtual": True}
    return {
        "virtual": False,
        "device_hash": device.get("hash"),
        "cpu_model": device.get("cpu_model"),
        "os_major": device.get("os_major"),
    }


def phone_subject(device: Facts) -> Facts:
    """Return the build of the phone's system; {} for this host and its virtual devices."""
    return {"os_build": device["os_build"]} if device.get("os_build") else {}


def with_phone_conditions(reading: Reading, capture: Capture, pass_: str) -> Reading:
    """Add the phone's conditions, and what they mean for the outcome; pure.

    Raises:
        OutputUnreadable: what was kept of them is not understood.
    """
    if CONDITIONS not in capture.files:
        return reading
    try:
        record = {
            "conditions": capture.json(CONDITIONS),
            "device": {"virtual": bool(reading.setting.get("virtual"))},
            "pass": pass_,
        }
        seen = read_run_conditions(capture, record)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise OutputUnreadable(
            f"{CONDITIONS} is not what the harness writes: {' '.join(str(error).split())[:200]}",
            hint="the file was damaged, or is of a newer edgebench",
        ) from error
    return replace(
        reading,
        outcome=seen.outcome(reading.outcome),
        setting={**reading.setting, **seen.setting},
        conditions={**reading.conditions, **seen.facts},
    )
