"""In which context a target's runs execute."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.options import Options


class ContextKeys(Options):
    """Keys of a target."""

    context: Annotated[
        Literal["shell", "apk"],
        Field(
            description="`shell` runs a program as adb's user, `apk` the benchmark app that is "
            "installed on the phone, in the foreground; their rows are never compared"
        ),
    ] = "shell"
