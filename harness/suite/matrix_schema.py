"""What `matrix:` and lists of values add to the JSON Schema of an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.suite.wording import takes_list

_MATRIX = "key → a list of its values; an entry for every combination"
_NAME = "what each is called, such as 'simd-{threads}t'; left out: its key and a part per list"
_TOLD = ("description", "default")


def lists_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a list of each key's values, by key."""
    return {
        key: {"type": "array", "minItems": 1, "items": _untold(value)}
        for key, value in entry.get("properties", {}).items()
    }


def with_lists(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an entry in which a single value may also be a list of them."""
    lists = lists_of(entry)
    properties = {
        key: value
        if takes_list(value) or "const" in value
        else {**_told(value), "anyOf": [_untold(value), lists[key]]}
        for key, value in entry.get("properties", {}).items()
    }
    return {**entry, "properties": properties}


def with_matrix(entry: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an entry with `matrix` (of these keys) and `name` beside its own."""
    added = {
        "matrix": {**keys, "minProperties": 1, "description": _MATRIX},
        "name": {"type": "string", "minLength": 1, "description": _NAME},
    }
    whole = {**entry, "properties": {**entry.get("properties", {}), **added}}
    if required := whole.pop("required", None):
        # What must be there may stand in the matrix.
        whole["anyOf"] = [{"required": required}, {"required": ["matrix"]}]
    return whole


def _told(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value[key] for key in _TOLD if key in value}


def _untold(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in value.items() if key not in _TOLD}
