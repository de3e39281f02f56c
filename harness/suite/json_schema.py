"""The JSON Schema of suites (draft 2020-12), drivers' options included, for editors and docs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from harness.plugins import Driver, Registry, network_options, registry
from harness.suite.keys import SUITE_WIDE, SuiteKeys, TargetKeys
from harness.suite.load import Plugins
from harness.suite.matrix_schema import lists_of, with_lists, with_matrix

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Pydantic leaves these bounds in its own words where a validator runs before the type.
_BOUNDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}


def schema(*, plugins: Plugins = registry) -> dict[str, Any]:
    """Return the JSON Schema of suites for the drivers and networks that are installed.

    Rules between keys (a baseline must be a variant, …) are beyond it: `edgebench validate`.

    Raises:
        PluginError: a driver cannot be loaded.
    """
    definitions: dict[str, Any] = {}
    suite = _schema_of(SuiteKeys, "", definitions, nulls=False)
    definitions["TargetSampling"] = _without(definitions["Sampling"], SUITE_WIDE)
    drivers = plugins("drivers")
    targets = [_target(drivers.get(name), definitions) for name in drivers.names]
    suite["properties"]["targets"]["additionalProperties"] = (
        {"oneOf": targets} if targets else {"type": "object"}
    )
    _networks(plugins("models"), definitions)
    definitions["Model"] = with_matrix(definitions["ModelKeys"], {"type": "object"})
    suite["properties"]["models"]["additionalProperties"] = {"$ref": "#/$defs/Model"}
    return {
        "$schema": DIALECT,
        "title": "edgebench suite",
        **suite,
        "$defs": dict(sorted(definitions.items())),
    }


def _networks(networks: Registry, definitions: dict[str, Any]) -> None:
    """Define `generate`: a network's name, or the name beside the options of that network."""
    if not networks.names:
        return
    listed = []
    for name in networks.names:
        prefix = f"network.{name}"
        own = _schema_of(network_options(networks.get(name)), f"{prefix}.", definitions)
        definitions[prefix] = {
            "type": "object",
            "properties": {
                "network": {"const": name, "description": "its name"},
                **own.get("properties", {}),
            },
            "required": ["network"],
            "additionalProperties": False,
        }
        definitions[f"{prefix}.listed"] = with_lists(definitions[prefix])
        listed.append({"$ref": f"#/$defs/{prefix}.listed"})
    generate = definitions["ModelKeys"]["properties"]["generate"]
    generate["anyOf"] = [{"enum": list(networks.names)}, *listed]


def _target(driver: Driver, definitions: dict[str, Any]) -> dict[str, Any]:
    """Define one driver's targets: the keys that all have, and its own."""
    common = _schema_of(TargetKeys, "", definitions, nulls=False)
    own = _schema_of(driver.target_options, f"{driver.name}.", definitions)
    variant = _schema_of(driver.variant_options, f"{driver.name}.", definitions)
    definitions[f"{driver.name}.variant"] = variant
    keys = {"type": "object", "properties": lists_of(variant), "additionalProperties": False}
    definitions[f"{driver.name}.variants"] = with_matrix(with_lists(variant), keys)
    properties = common["properties"] | own.get("properties", {})
    properties["driver"] = {**properties["driver"], "const": driver.name}
    properties["sampling"]["$ref"] = "#/$defs/TargetSampling"
    properties["variants"]["additionalProperties"] = {"$ref": f"#/$defs/{driver.name}.variants"}
    definitions[f"{driver.name}.target"] = {
        "type": "object",
        "description": own.get("description", ""),
        "properties": properties,
        "required": [*common["required"], *own.get("required", [])],
        "additionalProperties": False,
    }
    return {"$ref": f"#/$defs/{driver.name}.target"}


def _without(definition: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    properties = {key: value for key, value in definition["properties"].items() if key not in keys}
    return {**definition, "properties": properties}


def _schema_of(
    model: type[BaseModel], prefix: str, definitions: dict[str, Any], *, nulls: bool = True
) -> dict[str, Any]:
    """Return a model's schema; what it refers to goes into `definitions` under `prefix`."""
    found = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    below = found.pop("$defs", {})
    for name, definition in below.items():
        definitions[prefix + name] = _tidy(definition, nulls=nulls)
    tidied: dict[str, Any] = _tidy(found, nulls=nulls)
    tidied.pop("title", None)
    return tidied


def _tidy(node: Any, *, nulls: bool) -> Any:
    """Use the dialect's own words for bounds; drop null where a key is rather left out."""
    if isinstance(node, list):
        return [_tidy(item, nulls=nulls) for item in node]
    if not isinstance(node, dict):
        return node
    tidied = {_BOUNDS.get(key, key): _tidy(value, nulls=nulls) for key, value in node.items()}
    if isinstance(tidied.get("title"), str) and "properties" not in tidied:
        del tidied["title"]
    if len(patterns := tidied.pop("patternProperties", {})) == 1:
        # Said as pattern → value, names that do not match would be let through.
        [(pattern, value)] = patterns.items()
        tidied["propertyNames"] = {**tidied.get("propertyNames", {}), "pattern": pattern}
        tidied["additionalProperties"] = value
    if not nulls and {"type": "null"} in tidied.get("anyOf", []):
        tidied.pop("default", None)
        rest = [option for option in tidied.pop("anyOf") if option != {"type": "null"}]
        tidied |= rest[0] if len(rest) == 1 else {"anyOf": rest}
    return tidied
