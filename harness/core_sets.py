"""Sets of CPU cores, as people, the kernel and taskset write them."""

from __future__ import annotations

import re

MOST_CORES = 1024
_MASK = re.compile(r"0x([0-9a-fA-F]{1,256})")
_LIST = re.compile(r"\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def is_name(cores: str | int) -> bool:
    """Tell a name such as `big`, which `devices.yaml` gives a meaning, from cores themselves."""
    return isinstance(cores, str) and _NAME.fullmatch(cores) is not None


def core_numbers(cores: str | int) -> frozenset[int]:
    """Return the cores in a list such as `0,4-5`, or in a mask such as `0xf0`.

    Raises:
        ValueError: it is neither, names none, or names cores that no device has.
    """
    text = str(cores).strip()
    if mask := _MASK.fullmatch(text):
        bits = int(mask[1], 16)
        numbers = frozenset(core for core in range(bits.bit_length()) if bits >> core & 1)
    elif _LIST.fullmatch(text):
        spans = [part.partition("-") for part in text.split(",")]
        numbers = frozenset(
            core for low, _, high in spans for core in range(int(low), int(high or low) + 1)
        )
    else:
        raise ValueError(f"{text!r} names no cores; write 4-7, 0,4-5 or 0xf0")
    if not numbers or max(numbers) >= MOST_CORES:
        raise ValueError(f"{text!r} names no cores that a device could have")
    return numbers


def core_list(numbers: frozenset[int]) -> str:
    """Return cores as the kernel lists them: `0,4-7` (cpuset(7), list format)."""
    spans: list[list[int]] = []
    for core in sorted(numbers):
        if spans and core == spans[-1][-1] + 1:
            spans[-1][1:] = [core]
        else:
            spans.append([core])
    return ",".join("-".join(map(str, span)) for span in spans)


def core_mask(numbers: frozenset[int]) -> str:
    """Return cores as taskset takes them: hexadecimal digits, without 0x."""
    return f"{sum(1 << core for core in numbers):x}"
