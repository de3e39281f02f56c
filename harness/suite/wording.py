"""Pydantic's errors in words for people, with the place where they stand in the suite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.suite.finding import Mistake, did_you_mean, near
from harness.suite.nodes import Found, ListNode, MapNode, Node, ScalarNode, follow

_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "path_type": "a path",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "keys and values",
    "mapping_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "dataclass_type": "keys and values",
    "none_required": "null",
    "string_too_short": "some text",
}
_BOUNDS = {
    "greater_than": ("gt", "more than {}"),
    "greater_than_equal": ("ge", "{} or more"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "{} at most"),
    "multiple_of": ("multiple_of", "a multiple of {}"),
    "string_too_long": ("max_length", "{} characters at most"),
    "string_pattern_mismatch": ("pattern", "text like {}"),
}
_COUNTS = {"too_short": ("min_length", "at least"), "too_long": ("max_length", "at most")}
_NAMED = re.compile(r"(?=`|[\w-]+:)`?([\w-]+)[`:]")
_YES = {"yes", "on", "y", "true"}
_NO = {"no", "off", "n", "false"}


@dataclass(frozen=True, slots=True)
class Schema:
    """What a part of a suite was validated against.

    `also` are keys that are right beside those of `model`; `elsewhere` says for a key that is
    wrong here where it belongs.
    """

    model: type[BaseModel]
    also: frozenset[str] = frozenset()
    elsewhere: Mapping[str, str] | None = None


def mistakes(
    error: ValidationError, root: Node, key: ScalarNode | None, schema: Schema
) -> list[Mistake]:
    """Reword what pydantic found wrong with the data of `root`, which stands under `key`."""
    told: dict[tuple[int, str], tuple[list[str], Found]] = {}
    others: list[Mistake] = []
    errors = error.errors(include_url=False)
    misspelt = {
        (*details["loc"][:-1], guess)
        for details in errors
        if details["type"] == "extra_forbidden" and (guess := _misspelt(details["loc"], schema))
    }
    for details in errors:
        if details["type"] == "missing" and details["loc"] in misspelt:
            continue
        found = follow(root, details["loc"])
        if found.key is None:
            found = Found(found.node, key, (key.text,) if key else ())
        expected = _expected(details)
        if expected is None:
            others.append(_other(details, found, schema))
            continue
        # The members of a union report one by one; a person is told once what they all want.
        kinds, _ = told.setdefault((found.node.start, _label(found)), ([], found))
        if expected not in kinds:
            kinds.append(expected)
    return others + [
        _unexpected(label, kinds, found.node) for (_, label), (kinds, found) in told.items()
    ]


def got(node: Node) -> str:
    """Say what stands there: `the number 1.10`, `the text 'four'`, `a list`, …"""
    match node:
        case MapNode():
            return "keys and values"
        case ListNode():
            return "a list"
        case ScalarNode(value=None):
            return "nothing"
        case ScalarNode(value=bool()):
            return node.text
        case ScalarNode(value=str()):
            short = node.text if len(node.text) <= 40 else node.text[:39] + "…"
            return f"the text {short!r}"
        case _:
            return f"the number {node.text[:40]}"


def known_keys(model: type[BaseModel], path: Iterable[str | int]) -> set[str]:
    """Return the keys that may stand at a path below a model."""
    models = {model}
    for part in path:
        below = {
            inner
            for outer in models
            for name, field in outer.model_fields.items()
            if part in {name, field.alias}
            for inner in _models_in(field.annotation)
        }
        models = below or models
    return {field.alias or name for inner in models for name, field in inner.model_fields.items()}


def keys_of_lists(model: type[BaseModel]) -> frozenset[str]:
    """Return the keys of a model that take a list as their value."""
    properties = model.model_json_schema().get("properties", {})
    return frozenset(key for key, value in properties.items() if takes_list(value))


def takes_list(value: Mapping[str, Any]) -> bool:
    """Tell whether a key of this JSON Schema takes a list as its value."""
    kinds = (*value.get("anyOf", ()), *value.get("oneOf", ()))
    return value.get("type") == "array" or any(map(takes_list, kinds))


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for inner in get_args(annotation) for model in _models_in(inner)}


def _label(found: Found) -> str:
    return f"{found.key.text}: " if found.key else ""


def _expected(details: ErrorDetails) -> str | None:
    """Return what was wanted, where the error is about the kind or the size of one value."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if kind in _BOUNDS:
        name, wanted = _BOUNDS[kind]
        return wanted.format(context.get(name))
    if kind == "expected":
        return details["msg"].removeprefix("expected ")
    return None


def _unexpected(label: str, kinds: list[str], node: Node) -> Mistake:
    wanted = ", or ".join(kinds)
    suggestion = _mend(kinds, node) if isinstance(node, ScalarNode) else ""
    return Mistake(node.start, f"{label}expected {wanted}, got {got(node)}", suggestion)


def _mend(kinds: list[str], node: ScalarNode) -> str:
    if "text" in kinds and not isinstance(node.value, str | None):
        return f'quote it: "{node.text}"'
    if not isinstance(node.value, str):
        return ""
    if "true or false" in kinds and node.text.lower() in _YES | _NO:
        return f"write {'true' if node.text.lower() in _YES else 'false'}"
    if any("number" in kind for kind in kinds):
        if not node.plain and re.fullmatch(r"[-+]?[0-9.]+", node.text):
            return "take the quotes away"
        if re.fullmatch(r"[-+]?[0-9][0-9a-fA-FxXob_:,']*", node.text):
            return "write it in decimal digits, with no leading zero and nothing between them"
    return ""


def _other(details: ErrorDetails, found: Found, schema: Schema) -> Mistake:
    kind, context = details["type"], details.get("ctx", {})
    name = str(details["loc"][-1]) if details["loc"] else ""
    place = found.key.start if found.key else found.node.start
    match kind:
        case "missing":
            return Mistake(place, f"{_label(found)}missing key {name!r}")
        case "extra_forbidden":
            return _unknown_key(name, details["loc"][:-1], place, schema)
        case "literal_error" | "enum":
            return _not_one_of(found, name == "[key]", str(context["expected"]))
        case "too_short" | "too_long":
            limit, how = _COUNTS[kind]
            counts = f"{how} {context[limit]}, got {context['actual_length']}"
            return Mistake(found.node.start, f"{_label(found)}expected {counts}")
        case "value_error" | "assertion_error":
            told = str(context["error"])
        case _:
            told = details["msg"].replace("Input should be", "expected")
    if name == "[key]" and found.key:
        return Mistake(place, f"{found.key.text!r}: {told}")
    if not isinstance(found.node, MapNode):
        return Mistake(found.node.start, f"{_label(found)}{told}")
    # What is wrong between several keys is shown at the one that the message begins with,
    # else at the key that holds them.
    begins = _NAMED.match(told)
    blamed = found.node.entry(begins[1]) if begins else None
    return Mistake(blamed.key.start, told) if blamed else Mistake(place, f"{_label(found)}{told}")


def _known(path: tuple[str | int, ...], schema: Schema) -> set[str]:
    return known_keys(schema.model, path) | (schema.also if not path else frozenset())


def _misspelt(loc: tuple[str | int, ...], schema: Schema) -> str:
    """Return the key that an unknown one is near to, or ''."""
    return near(str(loc[-1]), _known(loc[:-1], schema))


def _unknown_key(name: str, path: tuple[str | int, ...], place: int, schema: Schema) -> Mistake:
    known = _known(path, schema)
    if not path and schema.elsewhere and name in schema.elsewhere:
        return Mistake(place, f"unknown key {name!r} here", schema.elsewhere[name])
    joined, colon, _ = name.partition(":")
    if colon and joined in known:
        return Mistake(place, f"unknown key {name[:40]!r}", f"put a space behind `{joined}:`")
    suggestion = did_you_mean(name, known)
    if not suggestion:
        suggestion = f"known here: {', '.join(sorted(known))}" if known else "no keys belong here"
    return Mistake(place, f"unknown key {name[:40]!r}", suggestion)


def _not_one_of(found: Found, is_key: bool, expected: str) -> Mistake:
    if is_key and found.key:
        place, written, label = found.key.start, repr(found.key.text[:40]), ""
        word = found.key.text
    else:
        place, label, word = found.node.start, _label(found), ""
        written = got(found.node)
        if isinstance(found.node, ScalarNode):
            word = found.node.text
            written = repr(word[:40]) if isinstance(found.node.value, str) else written
    known = re.findall(r"'((?:[^'\\]|\\.)*)'", expected)
    among = "not" if len(known) == 1 else "not one of"
    return Mistake(place, f"{label}{written} is {among} {expected}", did_you_mean(word, known))
