"""The suite reference as Markdown, from the same types that check suites."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.plugins import Registry, registry
from harness.suite.document import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES
from harness.suite.json_schema import schema
from harness.suite.load import Plugins
from harness.suite.matrix import MOST_CELLS, MOST_COMBINATIONS

_REF = "#/$defs/"
_COMMON = {"driver", "variants", "baseline", "ratios", "sampling"}
_LISTED = {
    "Model": "a model",
    "ModelKeys": "a model",
    "FileKeys": "a file of a model",
    "InputKeys": "an input",
    "OnFinishKeys": "a command",
    "PublishedKeys": "published figures",
    "QualityKeys": "a declared quality",
    "EvaluateKeys": "a quality pass",
    "GateKeys": "gate keys",
    "Sampling": "sampling keys",
    "TargetSampling": "sampling keys",
    "ToolKeys": "a tool",
    "WorkloadKeys": "a workload",
    "ScheduleKeys": "a schedule",
    "SourceKeys": "a source",
    "ToolSourceKeys": "a source",
    "PhoneReference": "`{tag: TAG}` or `{any: TAG}`",
}
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "keys and values",
}
_INTRODUCTION = f"""\
# Suite reference

<!-- Generated from the types that check suites (harness/suite). Do not edit by hand: the test
     tests/unit/test_suite_reference_is_current.py says how to write it anew. -->

A suite is one YAML file. `edgebench validate SUITE` lists every mistake in it at once, with its
place; `edgebench schema` prints a JSON Schema for editors.

YAML is read strictly. Without quotes only `true`, `false`, `null`, decimal integers and floats
are anything but text: `NO`, `on`, `1:30`, `0123456`, `1_000` and dates stay text. A name that
looks like a number (`1.10`) needs quotes. Duplicate keys, merge keys (`<<`) and tags are refused;
so are more than {MAX_ALIASES} aliases, {MAX_DEPTH} levels, {MAX_NODES:,} values or
{MAX_BYTES:,} bytes.

Names of suites, models, tools, targets and variants have at most 64 printable characters, without
`/`, `\\`, `,` and `=`, and do not begin with `.` or `-`.
"""


_MATRIX = f"""\
## Lists and `matrix`

A list where an option has a single value makes a variant for each of its values, and so does
`matrix:`, which names the options and lists their values; several lists make every combination.

```yaml
variants:
  simd: {{wasm: threaded-simd, threads: [1, 2, 4]}}             # simd-1t, simd-2t, simd-4t
  lite: {{matrix: {{threads: [1, 4], xnnpack: [true, false]}}}}   # lite-1t-xnnpack and three more
  wide: {{threads: [1, 2], name: 'threads-{{threads}}'}}          # threads-1, threads-2
models:
  net: {{generate: mobilenet_v2, matrix: {{seed: [1, 2]}}}}       # net-seed-1, net-seed-2
```

Names are those of rows, of `baseline` and `ratios`, and of `--only`; a value that is added later
changes no other name. A `name:` in braces needs quotes. In a model, `matrix` takes the model's
own keys and the options of its network; a list below `generate` is the short form of the latter,
and `matrix: {{file: […]}}` is `files`. Each model of a matrix has blocks of its own, so that only
files and variants compare as ratios, unless the suite has a `base_model`. An option that takes a
list by itself is listed in `matrix`.

`threads` without 1 gets it, since speed-ups are over one thread; `validate` and `plan` say so.
`plan` shows how many cells there are: at most {MOST_COMBINATIONS} of one entry, and
{MOST_CELLS:,} of a suite.
"""


# Title, what is told, and the keys of each section that all drivers share.
_SECTIONS = (
    ("A model", "Below `models:`, by name.", "ModelKeys"),
    (
        "A file of a model",
        (
            "Below a model's `files:`, by name. The file named fp32 is what the others are "
            "compared with: their outputs, sizes and times."
        ),
        "FileKeys",
    ),
    (
        "A workload",
        "In a model's `workload:`; a text alone is short for `module:`. See docs/workloads.md.",
        "WorkloadKeys",
    ),
    ("A schedule", "In a workload's `schedule:`.", "ScheduleKeys"),
    (
        "A tool",
        (
            "Below `tools:`, by name. `edgebench lock` reads the ABI in each program, hashes it "
            "and writes its sha256; `edgebench run` takes no tool without one."
        ),
        "ToolKeys",
    ),
    (
        "A source",
        (
            "In `tflite:`, `tfjs:`, `onnx:` and for each ABI of a tool. A text alone is short for "
            "one of these keys: a URL if it begins with `http://` or `https://`, else a path."
        ),
        "ToolSourceKeys",
    ),
    ("An input", "Below a model's `inputs:`, by name.", "InputKeys"),
    ("A declared quality", "In `quality:` of a model or of one of its files.", "QualityKeys"),
    ("A quality pass", "In `evaluate:` of a model; see docs/quality.md.", "EvaluateKeys"),
    ("Published figures", "In the suite's list `published:`.", "PublishedKeys"),
    (
        "Sampling",
        "In the suite, and in a target, whose keys are laid over the suite's.",
        "Sampling",
    ),
    (
        "What runs afterwards",
        (
            "In the suite's `on_finish:`; a list alone is short for `command:`. A suite is trusted "
            "like code: whoever can write it can run anything here. See docs/nightly.md."
        ),
        "OnFinishKeys",
    ),
    ("The gate", "In `gate:`, for `edgebench gate`; see docs/gate.md.", "GateKeys"),
)


def reference_markdown(*, plugins: Plugins = registry) -> str:
    """Return docs/suite-reference.md: every key with type, default and meaning.

    Only drivers and networks that come with edgebench are in it.

    Raises:
        PluginError: a driver cannot be loaded.
    """
    built_in: Plugins = lambda kind: _built_in(plugins(kind))  # noqa: E731  a def adds nothing
    whole = schema(plugins=built_in)
    definitions: dict[str, Any] = whole["$defs"]
    drivers = built_in("drivers").names
    parts = [
        _INTRODUCTION,
        _section("The suite", "", whole, definitions),
        *(_section(title, told, definitions[keys], definitions) for title, told, keys in _SECTIONS),
        _networks(built_in("models").names, definitions),
        _targets(drivers, definitions),
        *(_driver(name, definitions) for name in drivers),
        _MATRIX,
    ]
    return "\n".join(part for part in parts if part)


def _built_in(found: Registry) -> Registry:
    names = [name for name in found.names if found.origins[name].startswith("harness.")]
    return Registry(
        found.kind,
        {name: found.sources[name] for name in names},
        {name: found.origins[name] for name in names},
    )


def _networks(networks: tuple[str, ...], definitions: dict[str, Any]) -> str:
    """Tell the options of each network that has some."""
    sections = []
    for name in networks:
        definition = definitions[f"network.{name}"]
        own = _only(definition, definition["properties"].keys() - {"network"})
        if own["properties"]:
            told = f"In `generate: {{network: {name}, …}}`."
            sections.append(_section(f"Network `{name}`", told, own, definitions))
    return "\n".join(sections)


def _targets(drivers: tuple[str, ...], definitions: dict[str, Any]) -> str:
    if not drivers:
        return ""
    shared = _only(definitions[f"{drivers[0]}.target"], _COMMON)
    shared["properties"]["driver"] |= {"enum": list(drivers)}
    del shared["properties"]["driver"]["const"]
    told = (
        "Below `targets:`, by name. Each driver adds keys of its own, below. Every variant is "
        "compared to the `baseline`, then follow the `ratios`."
    )
    return _section("A target", told, shared, definitions)


def _driver(name: str, definitions: dict[str, Any]) -> str:
    target, variant = definitions[f"{name}.target"], definitions[f"{name}.variant"]
    own = _only(target, target["properties"].keys() - _COMMON)
    return "\n".join(
        (
            _section(f"Driver `{name}`: the target", target["description"], own, definitions),
            _section(
                f"Driver `{name}`: a variant",
                variant.get("description", ""),
                variant,
                definitions,
            ),
        )
    )


def _only(node: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    properties = {key: dict(value) for key, value in node["properties"].items() if key in keys}
    return {
        "properties": properties,
        "required": [key for key in node.get("required", []) if key in keys],
    }


def _section(title: str, told: str, node: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    lines = [f"## {title}", ""]
    if told:
        lines += [told, ""]
    rows = list(_rows(node, definitions, ""))
    if rows:
        lines += ["| key | type | default | meaning |", "|---|---|---|---|", *rows, ""]
    else:
        lines += ["No keys of its own.", ""]
    return "\n".join(lines)


def _rows(node: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str) -> Iterator[str]:
    required = node.get("required", [])
    for key, value in node.get("properties", {}).items():
        below = definitions.get(value.get("$ref", "").removeprefix(_REF), {})
        if "properties" in below and not _listed(value):
            yield from _rows(below, definitions, f"{prefix}{key}.")
            continue
        default = "required" if key in required else _default(value)
        cells = (f"`{prefix}{key}`", _type(value, definitions), default, _told(value))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _listed(value: Mapping[str, Any]) -> str:
    """Name what stands in a section of its own; '' for what is told in place."""
    name = str(value.get("$ref", "")).removeprefix(_REF)
    if name.startswith("network."):
        return "a network with options"
    if name.endswith((".target", ".variants")):
        return "a " + name.rpartition(".")[2].removesuffix("s")
    # A driver's own definitions carry its name in front.
    return _LISTED.get(name.rpartition(".")[2], "")


def _type(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if listed := _listed(value):
        return listed
    if "$ref" in value:
        return _type(definitions[value["$ref"].removeprefix(_REF)], definitions)
    if "const" in value or "enum" in value:
        constants = value.get("enum", [value.get("const")])
        return " or ".join(f"`{_constant(constant)}`" for constant in constants)
    for union in ("anyOf", "oneOf"):
        if union in value:
            kinds = [_type(option, definitions) for option in value[union]]
            return " or ".join(dict.fromkeys(kinds)) + _limits(value)
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}), definitions)}" + _limits(value)
    if value.get("type") == "object" and value.get("additionalProperties"):
        inner = _type(value["additionalProperties"], definitions)
        return f"{_key_type(value)} → {inner}" + _limits(value)
    return _WORDS.get(value.get("type", ""), "anything") + _limits(value)


def _key_type(value: Mapping[str, Any]) -> str:
    names = value.get("propertyNames", {})
    return " or ".join(f"`{name}`" for name in names.get("enum", ())) or "name"


def _limits(value: Mapping[str, Any]) -> str:
    if value.get("minItems") and value.get("minItems") == value.get("maxItems"):
        return f" ({value['minItems']} of them)"
    told = [
        word.format(_short(value[key]))
        for key, word in (
            ("minimum", "{} or more"),
            ("exclusiveMinimum", "more than {}"),
            ("maximum", "{} at most"),
            ("exclusiveMaximum", "less than {}"),
            ("minItems", "{} or more of them"),
            ("maxItems", "{} of them at most"),
            ("minProperties", "{} or more"),
        )
        if key in value
    ]
    return f" ({', '.join(told)})" if told else ""


def _short(number: float) -> str:
    if isinstance(number, int) and number >= 2**31 and number.bit_count() == 1:
        return f"2^{number.bit_length() - 1}"
    return str(number)


def _default(value: Mapping[str, Any]) -> str:
    if _listed(value):
        return "see there"
    default = value.get("default")
    return "–" if default in (None, [], {}) else f"`{_constant(default)}`"


def _constant(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)


def _told(value: Mapping[str, Any]) -> str:
    return str(value.get("description", "")).replace("\n", " ")
