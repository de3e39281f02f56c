"""The suite keys of a web target that stands on a phone, and what they mean for its bench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from harness.options import Placeable
from harness.phone_care.keys import ConditionKeys

CHROME = "com.android.chrome"
PHONE_BROWSER = "chrome-android"
_ONLY_THERE = ("device", "package", "conditions")
_NOT_THERE = ("headless", "args")


class PhoneKeys(Placeable, ConditionKeys):
    """Keys of a target whose browser is `chrome-android`; others have none of them."""

    package: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z]\w*(\.[A-Za-z]\w*)+$",
            description="the browser's package on the phone, such as com.chrome.beta",
        ),
    ] = CHROME

    @model_validator(mode="before")
    @classmethod
    def _device_of_a_phone(cls, said: Any) -> Any:
        if not isinstance(said, Mapping):
            return said
        if said.get("browser") != PHONE_BROWSER:
            _refuse(said, _ONLY_THERE, f"belongs to `browser: {PHONE_BROWSER}`")
            return said
        _refuse(said, _NOT_THERE, "cannot be chosen on a phone: take it out")
        return {"device": "auto", **said}

    @property
    def on_phone(self) -> bool:
        """Whether the browser runs on a phone, or on a virtual device."""
        return self.device is not None


def _refuse(said: Mapping[str, Any], keys: tuple[str, ...], why: str) -> None:
    for key in keys:
        if key in said:
            raise ValueError(f"`{key}` {why}")
