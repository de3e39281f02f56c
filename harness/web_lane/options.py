"""The suite keys that every web target has: which browser, and how it is started."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.web_lane.phone_keys import PhoneKeys

SERVED = "served"
"""The `browser:` that is whichever opens the address of `edgebench serve`."""


class BrowserKeys(PhoneKeys):
    """Which browser, and how it is started."""

    browser: Annotated[
        str,
        Field(
            min_length=1,
            description="chromium (an installed one, else Playwright's download, else Chrome or "
            "Edge), chrome, edge, firefox, webkitgtk (Linux), safari (macOS), webkit (Playwright's "
            "own build), or the path of a Chromium-like browser or a Firefox; chrome-android "
            "(Chrome on a phone, or this host's Chromium in its place on a virtual device, see "
            "`device`); served (whichever opens the address of `edgebench serve`)",
        ),
    ] = "chromium"
    headless: Annotated[
        bool,
        Field(
            description="run without a window; webkitgtk always has one, so it gets a display that "
            "nobody sees"
        ),
    ] = True
    args: Annotated[
        list[str], Field(description="more command-line arguments for the browser")
    ] = []  # noqa: RUF012  pydantic copies a default; nothing shares this list
    init_script: Annotated[
        str | None,
        Field(
            description="path of a script (from the current folder) that runs in the page before "
            "anything else (over WebDriver: as soon as the empty page is there); its hash becomes "
            "part of the setting"
        ),
    ] = None

    @model_validator(mode="after")
    def _safari_is_as_it_is(self) -> Self:
        for key in ("headless", "args"):
            if self.browser == "safari" and key in self.model_fields_set:
                message = f"`{key}` cannot be chosen for Safari: take it out"
                raise ValueError(message)
        return self
