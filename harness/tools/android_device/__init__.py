"""What an Android device says about itself: battery, heat, clocks, memory; pure.

Every reader gives the right value or None, for "not known": an answer may be cut off, and
services are missing, forbidden, or overridden by hand.
"""

from __future__ import annotations

from harness.tools.android_device.battery import Battery, read_battery
from harness.tools.android_device.conditions import PhoneConditions, read_conditions
from harness.tools.android_device.cpu_state import (
    CpuCore,
    CpuState,
    app_seconds,
    busy_share,
    children_seconds,
    mean_frequencies,
    read_cpu_states,
)
from harness.tools.android_device.device_info import DeviceInfo, read_device_info
from harness.tools.android_device.memory_samples import (
    MemorySamples,
    Sample,
    read_memory_samples,
    read_samples,
)
from harness.tools.android_device.thermal import STATUS_NAMES, Thermal, read_thermal

__all__ = [
    "STATUS_NAMES",
    "Battery",
    "CpuCore",
    "CpuState",
    "DeviceInfo",
    "MemorySamples",
    "PhoneConditions",
    "Sample",
    "Thermal",
    "app_seconds",
    "busy_share",
    "children_seconds",
    "mean_frequencies",
    "read_battery",
    "read_conditions",
    "read_cpu_states",
    "read_device_info",
    "read_memory_samples",
    "read_samples",
    "read_thermal",
]
