"""What a suite may say about a phone's conditions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.options import Number, Options, Seconds, Share


class Conditions(Options):
    """Under which conditions a run may begin, and what is done to a phone to get them."""

    max_thermal_status: Annotated[
        int,
        Field(
            ge=0,
            le=6,
            description="Android's thermal status, 0 (none) to 6; a run above it is throttled",
        ),
    ] = 0
    max_battery_c: Annotated[
        Number, Field(gt=0, lt=100, description="highest temperature of the battery, in °C")
    ] = 40.0
    min_battery_percent: Annotated[
        int, Field(ge=0, le=100, description="lowest charge of the battery, in percent")
    ] = 20
    max_cpu_load: Annotated[
        Share,
        Field(
            description="the share of all cores, such as 25%, that others may take, before a run "
            "and during it; 100%: any"
        ),
    ] = 0.25
    wait_s: Annotated[
        Seconds,
        Field(description="wait so long, at most, for heat and load to pass before each run"),
    ] = 300.0
    otherwise: Annotated[
        Literal["mark", "refuse"],
        Field(
            description="when the wait is over: `mark` measures and marks the row, `refuse` "
            "fails the run"
        ),
    ] = "mark"
    stay_awake: Annotated[
        bool, Field(description="keep the screen on while the phone is plugged in")
    ] = True
    animations: Annotated[bool, Field(description="`false`: switch animations off")] = True
    brightness: Annotated[
        int | None, Field(ge=0, le=255, description="fix the brightness of the screen")
    ] = None
    lock_clocks: Annotated[
        bool,
        Field(description="fix the clocks near 60 % of their maximum; needs root"),
    ] = False

    def wishes(self) -> tuple[str, ...]:
        """Return what `setup.sh` is to do, in its words."""
        return (
            *(("stay_awake",) if self.stay_awake else ()),
            *(() if self.animations else ("no_animations",)),
            *(() if self.brightness is None else (f"brightness={self.brightness}",)),
        )


class ConditionKeys(Options):
    """Keys of a target."""

    conditions: Annotated[
        Conditions,
        Field(description="on a phone, and on a virtual device that has this key"),
    ] = Conditions()
