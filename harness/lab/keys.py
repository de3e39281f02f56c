"""The keys of devices.yaml, typed and described; what must fit together stands in `load`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from harness.core_sets import core_numbers, is_name
from harness.options import Options
from harness.suite.given import Given, Text
from harness.suite.keys import Name

RESERVED = ("auto", "virtual")
"""What `device:` means without a lab: no phone can be called so."""


def _alias(text: str) -> str:
    if text in RESERVED:
        raise ValueError(f"{text!r} has a meaning of its own in suites; call the phone otherwise")
    return text


def _core_set_name(text: str) -> str:
    if not is_name(text):
        raise ValueError("a set of cores is named by a lower-case word, such as big")
    return text


def _cores(cores: str | int) -> str | int:
    core_numbers(cores)
    return cores


Alias = Annotated[Name, AfterValidator(_alias)]
CoreSetName = Annotated[str, AfterValidator(_core_set_name)]
Cores = Annotated[str | int, AfterValidator(_cores)]


class AdbKeys(Options):
    """The adb server that sees a phone; it must run already, and is never ended."""

    host: Annotated[Text, Field(description="where it runs")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, lt=65536, description="where it listens")] = 5037


class VirtualKeys(Options):
    """A virtual device: this host behind adb, not a phone."""

    cpu_free: Annotated[
        bool,
        Field(
            description="your word that what runs on it leaves this host's CPU alone (it sleeps, "
            "or waits for something else); only then does it run beside others"
        ),
    ] = False
    properties: Annotated[
        dict[Text, str], Field(description="what `getprop` answers, instead of its own")
    ] = Field(default_factory=dict)


class PhoneKeys(Options):
    """A phone."""

    serial: Annotated[
        Text | None,
        Given,
        Field(description="as `adb devices` shows it; a virtual device needs none"),
    ] = None
    tags: Annotated[list[Name], Field(description="groups that it belongs to, such as nightly")] = (
        Field(default_factory=list)
    )
    soc: Annotated[
        Name | None, Given, Field(description="its entry in `socs:`, for cores by name")
    ] = None
    adb: Annotated[
        AdbKeys | None,
        Given,
        Field(description="the adb server that sees it; left out: your own"),
    ] = None
    virtual: Annotated[
        VirtualKeys | None, Given, Field(description="it is a virtual device of this host")
    ] = None


class LabKeys(Options):
    """A lab: its phones by alias."""

    phones: Annotated[
        dict[Alias, PhoneKeys], Field(min_length=1, description="alias → a phone, see below")
    ]
    socs: Annotated[
        dict[Name, dict[CoreSetName, Cores]],
        Field(description="SoC → name → cores, such as `big: 4-7`, for a variant's `cores: big`"),
    ] = Field(default_factory=dict)
