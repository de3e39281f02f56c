"""Numbers of things, as a person says them."""

from __future__ import annotations


def counted(number: int, noun: str, several: str = "") -> str:
    """Return `1 block`, `2 blocks`; `several` is a plural that does not end in s."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"
