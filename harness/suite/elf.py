"""Which ABI a program was built for, read from its ELF header.

Format: System V ABI, chapter 4 (ELF header); machine numbers as in `elf.h`.
"""

from __future__ import annotations

from harness.errors import SuiteError

HEADER_BYTES = 20
_64_BIT, _32_BIT = 2, 1
_LITTLE_ENDIAN = 1
_PROGRAM_TYPES = {2, 3}  # ET_EXEC, ET_DYN: Android's programs are position-independent
_ABIS = {
    (183, _64_BIT): "arm64-v8a",  # EM_AARCH64
    (40, _32_BIT): "armeabi-v7a",  # EM_ARM
    (62, _64_BIT): "x86_64",  # EM_X86_64
    (3, _32_BIT): "x86",  # EM_386
    (243, _64_BIT): "riscv64",  # EM_RISCV
}


def abi(head: bytes) -> str:
    """Return Android's name for the ABI of a program that begins with `head` (20 bytes or more).

    Raises:
        SuiteError: it is no ELF program, or one for a machine that has no Android ABI.
    """
    if len(head) < HEADER_BYTES or not head.startswith(b"\x7fELF"):
        raise SuiteError(
            "this is no ELF program", hint="name the program itself, not an archive or a script"
        )
    bits, order = head[4], head[5]
    kind, machine = (int.from_bytes(head[at : at + 2], "little") for at in (16, 18))
    found = _ABIS.get((machine, bits))
    if order != _LITTLE_ENDIAN or found is None:
        width = {_64_BIT: "64-bit", _32_BIT: "32-bit"}.get(bits, "unknown width")
        end = "little-endian" if order == _LITTLE_ENDIAN else "not little-endian"
        raise SuiteError(
            f"this ELF file is for no Android ABI: machine {machine}, {width}, {end}",
            hint="build it for one of: " + ", ".join(_ABIS.values()),
        )
    if kind not in _PROGRAM_TYPES:
        raise SuiteError(
            f"this ELF file is no program (type {kind})", hint="name the linked program"
        )
    return found
