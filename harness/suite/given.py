"""Two small types of keys: a text that is not empty, and a key that must have a value."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

Text = Annotated[str, Field(min_length=1)]


def _given(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("expected", "expected a value, or no such key")
    return value


Given = BeforeValidator(_given)
"""Tells a key without a value, which is a slip, from a key that is left out."""
