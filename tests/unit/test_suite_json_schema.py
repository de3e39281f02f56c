"""The JSON Schema agrees with the loader about keys and types."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import suite_fakes

from harness.suite import document
from harness.suite.json_schema import DIALECT, schema
from harness.suite.nodes import data

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
CONFIGS = [path for path in CONFIGS if not path.name.startswith("devices.")]
SCHEMA = schema(plugins=suite_fakes.plugins)
ANNOTATIONS = {"$schema", "$defs", "title", "description", "default", "format"}
KINDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def is_kind(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


CHECKS: dict[str, Any] = {
    "type": is_kind,
    "enum": lambda value, allowed: value in allowed,
    "const": lambda value, only: value == only,
    "pattern": lambda value, pattern: not isinstance(value, str) or re.search(pattern, value),
    "minLength": lambda value, low: not isinstance(value, str) or len(value) >= low,
    "maxLength": lambda value, high: not isinstance(value, str) or len(value) <= high,
    "multipleOf": lambda value, step: not is_kind(value, "number") or value % step == 0,
    "minimum": lambda value, low: not is_kind(value, "number") or value >= low,
    "maximum": lambda value, high: not is_kind(value, "number") or value <= high,
    "exclusiveMinimum": lambda value, low: not is_kind(value, "number") or value > low,
    "exclusiveMaximum": lambda value, high: not is_kind(value, "number") or value < high,
    "minItems": lambda value, low: not isinstance(value, list) or len(value) >= low,
    "maxItems": lambda value, high: not isinstance(value, list) or len(value) <= high,
    "minProperties": lambda value, low: not isinstance(value, dict) or len(value) >= low,
    "required": lambda value, keys: not isinstance(value, dict) or set(keys) <= value.keys(),
}


def fits(value: Any, rule: Any) -> bool:
    """Check a value against the part of the dialect that our schema uses, and no other."""
    if isinstance(rule, bool):
        return rule
    for word, argument in rule.items():
        if word in ANNOTATIONS:
            continue
        if word in CHECKS:
            ok = bool(CHECKS[word](value, argument))
        else:
            ok = bool(APPLIED[word](value, argument, rule))
        if not ok:
            return False
    return True


def _additional(value: Any, rule: Any, beside: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return True
    named = beside.get("properties", {})
    return all(fits(inner, rule) for key, inner in value.items() if key not in named)


APPLIED: dict[str, Any] = {
    "$ref": lambda value, ref, _: fits(value, SCHEMA["$defs"][ref.removeprefix("#/$defs/")]),
    "anyOf": lambda value, rules, _: any(fits(value, rule) for rule in rules),
    "oneOf": lambda value, rules, _: sum(fits(value, rule) for rule in rules) == 1,
    "items": lambda value, rule, _: (
        not isinstance(value, list) or all(fits(item, rule) for item in value)
    ),
    "properties": lambda value, rules, _: (
        not isinstance(value, dict)
        or all(fits(value[key], rule) for key, rule in rules.items() if key in value)
    ),
    "additionalProperties": _additional,
    "propertyNames": lambda value, rule, _: (
        not isinstance(value, dict) or all(fits(key, rule) for key in value)
    ),
}


def loaded(text: str) -> Any:
    root = document.read(text).root
    assert root is not None
    return data(root)


@pytest.mark.parametrize("suite", CONFIGS, ids=lambda path: path.stem)
def test_our_suites_fit_the_schema(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = schema()
    monkeypatch.setitem(globals(), "SCHEMA", real)
    assert fits(loaded(suite.read_text(encoding="utf-8")), real)


QUICKSTART = (Path(__file__).parents[2] / "configs" / "quickstart.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("suite: quickstart", "suit: quickstart"),
        ("suite: quickstart", "suite: a/b"),
        ("suite: quickstart", "suite: 1.5"),
        ("mobilenet_v2:", "mobile,net:"),
        ("generate: mobilenet_v2", "generate: mobilenet_v9"),
        ("seed: 7", "seed: -7"),
        ("seed: 7", "seed: seven"),
        ("seed: 7", "sed: 7"),
        ("seed: 7", "tolerance: 0"),
        ("seed: 7", "inputs: {x: {range: [1]}}"),
        ("seed: 7", "baseline: null"),
        ("seed: 7", "tflite: null"),
        ("seed: 7", "tflite: {path: a, sha256: 12}"),
        ("driver: web-tfjs", "driver: web"),
        ("driver: web-tfjs", "driver: android-tflite"),
        ("{wasm: plain}", "{wasm: plan}"),
        ("{wasm: plain}", "{threads: 1}"),
        ("{wasm: plain}", "{wasm: [plain, plan]}"),
        ("{wasm: plain}", "{wasm: []}"),
        ("{wasm: plain}", "{matrix: {wasm: plain}}"),
        ("{wasm: plain}", "{wasm: plain, matrix: {wide: [1]}}"),
        ("{wasm: plain}", "{wasm: plain, matrix: {}}"),
        ("{wasm: plain}", "{wasm: plain, name: 7}"),
        ("seed: 7", "matrix: [seed]"),
        ("{wasm: plain}", "{wasm: plain, xnnpack: true}"),
        ("ratios: [simd/plain", "ratios: [3"),
        ("blocks: 6", "blocks: 0"),
        ("blocks: 6", "blocks: six"),
        ("blocks: 6", "precision: two"),
        ("blocks: 6", "precision: 2%, budget: soon"),
        ("device: virtual", "sampling: {precision: 2%}"),
        ("device: virtual", "sampling: {budget: 30min}"),
        ("max_seconds: 2", "max_seconds: 0"),
        ("blocks: 6", "min_effect: 1.5"),
        ("blocks: 6", "min_effect: two"),
        ("device: virtual", "sampling: {blocks: 3}"),
    ],
)
def test_what_the_loader_refuses_for_its_type_the_schema_refuses_too(
    right: str, wrong: str
) -> None:
    assert right in QUICKSTART
    assert not fits(loaded(QUICKSTART.replace(right, wrong, 1)), SCHEMA)


@pytest.mark.parametrize(
    ("right", "also_right"),
    [
        ("seed: 7", "inputs: {'x:0': {shape: [1, 2], dtype: int8, range: [-1, 1.5]}}"),
        ("blocks: 6", "min_effect: 2.5%"),
        ("blocks: 6", "precision: 2%, budget: 30min"),
        ("blocks: 6", "min_effect: 0.1"),
        ("threads: 1}", "xnnpack: null, flags: [--a]}"),
        ("device: virtual", "sampling: {cooldown_s: 3, warmup: {seconds: 0}}"),
        ("seed: 7", "files: [fp32, fp16, dynamic, int8]"),
        ("seed: 7", "files: {fp32: {}, int8: {tolerance: 0.3}}"),
        ("threads: 2}", "threads: [1, 2]}"),
        ("threads: 2}", "threads: [1, 2], name: 'simd-{threads}t'}"),
        ("{wasm: plain}", "{matrix: {wasm: [plain, simd]}}"),
        ("{threads: 1}", "{matrix: {threads: [1, 2], flags: [[--a], []]}}"),
        ("seed: 7", "matrix: {seed: [1, 2], width: [0.5]}"),
        ("generate: mobilenet_v2", "generate: {network: mobilenet_v2, width: [0.5, 1]}"),
        ("sampling:", f"tools: {{bm: {{x86: a, sha256: {'0' * 64}, kind: litert}}}}\nsampling:"),
        ("sampling:", "tools: {bm: {x86: a, arm64-v8a: {url: 'https://x.org'}}}\nsampling:"),
    ],
)
def test_what_the_loader_takes_the_schema_takes_too(right: str, also_right: str) -> None:
    assert right in QUICKSTART
    assert fits(loaded(QUICKSTART.replace(right, also_right, 1)), SCHEMA)


def test_the_schema_names_its_dialect_and_refers_only_to_what_it_has() -> None:
    assert SCHEMA["$schema"] == DIALECT == "https://json-schema.org/draft/2020-12/schema"
    text = json.dumps(SCHEMA)
    references = re.findall(r'"\$ref": "#/\$defs/([^"]+)"', text)
    assert references
    assert set(references) <= SCHEMA["$defs"].keys()
    for words_of_pydantic in ('"gt"', '"ge"', '"lt"', '"le"', "patternProperties"):
        assert words_of_pydantic not in text


def test_every_key_of_ours_says_what_it_means() -> None:
    for name, definition in {**SCHEMA["$defs"], "suite": SCHEMA}.items():
        for key, value in definition.get("properties", {}).items():
            assert value.get("description"), f"{name}.{key}"


@pytest.mark.parametrize(
    ("generate", "right"),
    [
        ("mobilenet_v2", True),
        ("{network: mobilenet_v2, width: 0.5}", True),
        ("{network: blazeface_front}", True),
        ("{network: blazeface_front, width: 0.5}", False),
        ("{network: mobilenet_v2, width: 0}", False),
        ("{width: 0.5}", False),
        ("nothing_known", False),
    ],
)
def test_each_network_has_its_own_options(generate: str, right: bool) -> None:
    suite = loaded(QUICKSTART.replace("generate: mobilenet_v2", f"generate: {generate}"))
    assert fits(suite, SCHEMA) is right
