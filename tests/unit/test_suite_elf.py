"""The ABI of a program, from headers as the ELF specification writes them."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError
from harness.suite import elf


def made_up_header(machine: int, bits: int, *, order: int = 1, kind: int = 3) -> bytes:
    byte_order: Literal["little", "big"] = "little" if order == 1 else "big"
    return (
        b"\x7fELF"
        + bytes([bits, order, 1, 0])
        + bytes(8)
        + kind.to_bytes(2, byte_order)
        + machine.to_bytes(2, byte_order)
    )


@pytest.mark.parametrize(
    ("machine", "bits", "abi"),
    [
        (183, 2, "arm64-v8a"),
        (40, 1, "armeabi-v7a"),
        (62, 2, "x86_64"),
        (3, 1, "x86"),
        (243, 2, "riscv64"),
    ],
)
@pytest.mark.parametrize("kind", [2, 3])
def test_each_machine_has_its_abi(machine: int, bits: int, abi: str, kind: int) -> None:
    assert elf.abi(made_up_header(machine, bits, kind=kind)) == abi


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (made_up_header(62, 1), "machine 62, 32-bit"),  # the x32 ABI
        (made_up_header(243, 1), "machine 243, 32-bit"),
        (made_up_header(183, 2, order=2), "not little-endian"),
        (made_up_header(8, 1, order=2), "not little-endian"),  # MIPS
        (b"\x7fELF\x02\x02" + made_up_header(183, 2)[6:], "not little-endian"),  # says, is not
        (made_up_header(183, 2, kind=1), "no program"),  # an object file
        (made_up_header(183, 2, kind=4), "no program"),  # a core dump
        (made_up_header(183, 2)[:19], "no ELF program"),
        (b"", "no ELF program"),
        (b"MZ" + bytes(60), "no ELF program"),
        (b"#!/bin/sh\necho hello, this is no program\n", "no ELF program"),
        (b"PK\x03\x04" + bytes(60), "no ELF program"),
    ],
)
def test_what_no_android_device_runs_is_refused(head: bytes, message: str) -> None:
    with pytest.raises(SuiteError, match=message) as caught:
        elf.abi(head)
    assert caught.value.hint


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda rest: b"\x7fELF" + rest))
@settings(deadline=None)
def test_no_bytes_surprise_the_reader(head: bytes) -> None:
    try:
        assert elf.abi(head) in {"arm64-v8a", "armeabi-v7a", "x86_64", "x86", "riscv64"}
    except SuiteError as error:
        assert error.hint
