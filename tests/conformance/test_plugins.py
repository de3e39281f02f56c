"""Every plug-in keeps its contract; a new one is tested by being there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import OutputUnreadable, PluginError
from harness.model import Capture, Failed, Reading
from harness.options import Options
from harness.plugins import (
    API_VERSION,
    KINDS,
    Kind,
    Network,
    Probe,
    build_network,
    driver,
    network_options,
    registry,
)

ALL = [(kind, name) for kind in KINDS for name in registry(kind).names]
DRIVERS = registry("drivers").names


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_plugin_is_registered_under_its_own_name(kind: Kind, name: str) -> None:
    plugin = registry(kind).get(name)
    assert plugin.name == name
    assert plugin.api_version == API_VERSION


@pytest.mark.parametrize("kind", KINDS)
def test_a_builtin_is_found_by_its_file_name(kind: Kind) -> None:
    folder = Path(__file__).parents[2] / "harness" / kind
    modules = {p.stem for p in folder.iterdir() if not p.stem.startswith(("_", "."))}
    builtin = {
        origin.rpartition(".")[2]
        for origin in registry(kind).origins.values()
        if origin.startswith("harness.")
    }
    assert builtin == modules


@pytest.mark.parametrize("name", DRIVERS)
def test_a_drivers_options_are_strict_and_documented(name: str) -> None:
    plugin = driver(name)
    for options in (plugin.target_options, plugin.variant_options):
        assert issubclass(options, Options)
        assert options.model_config["extra"] == "forbid"
        assert options.model_config["strict"]
        for key, field in options.model_fields.items():
            assert field.description, f"{name}: {key} needs a description for the suite reference"


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize(
    "files",
    [
        {},
        {"run.json": b""},
        {"run.json": b"{}"},
        {"run.json": b"[1]"},
        {"run.json": b"\xff\xfe", "page.json": b"null", "stdout.txt": b"\x00"},
    ],
)
def test_a_driver_reads_nonsense_as_a_failure_never_as_a_number(
    name: str, files: dict[str, bytes]
) -> None:
    try:
        reading = driver(name).read(Capture(files))
    except OutputUnreadable as error:
        assert error.hint
    else:
        assert isinstance(reading, Reading)
        assert isinstance(reading.outcome, Failed)


@pytest.mark.parametrize("name", registry("probes").names)
def test_a_probe_can_be_started_and_stopped(name: str) -> None:
    probe: Probe = registry("probes").get(name)
    assert probe.start()().conditions


@pytest.mark.parametrize("name", registry("models").names)
def test_a_network_gives_the_same_weights_for_the_same_seed(name: str) -> None:
    network: Network = registry("models").get(name)
    built = build_network(network, 7)
    assert built.parameter_count == build_network(network, 7).parameter_count > 0


@pytest.mark.parametrize("name", registry("models").names)
def test_a_networks_options_are_strict_documented_and_have_defaults(name: str) -> None:
    options = network_options(registry("models").get(name))
    assert issubclass(options, Options)
    assert options.model_config["extra"] == "forbid"
    assert options.model_config["strict"]
    for key, field in options.model_fields.items():
        assert field.description, f"{name}: {key} needs a description for the suite reference"
        assert not field.is_required(), f"{name}: {key} needs a default"


def test_an_unknown_plugin_is_refused_with_what_is_known() -> None:
    with pytest.raises(PluginError) as caught:
        registry("drivers").get("nope")
    assert "web-tfjs" in caught.value.hint


def test_help_imports_nothing_heavy() -> None:
    benchmark = Path(__file__).parents[2] / "benchmarks" / "start_up.py"
    code = f"import sys; sys.path.insert(0, {str(benchmark.parent)!r}); import start_up; "
    answer = subprocess.run(
        [sys.executable, "-c", code + "print(start_up.imported_by_help())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "[]"
