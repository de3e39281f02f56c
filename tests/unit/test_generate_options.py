"""Networks with options: read with the suite, part of the file's identity, optional for plug-ins."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import suite_fakes
from pydantic import Field

from harness import artifacts
from harness.errors import PluginError
from harness.graphs.builder import GraphBuilder
from harness.graphs.description import Graph
from harness.options import NoOptions, Options
from harness.plugins import Kind, Registry, build_network, network_options
from harness.suite.finding import SuiteMistakes
from harness.suite.load import parse
from harness.suite.values import Generated, ModelSource, Suite


def a_suite(generate: str) -> str:
    return (
        f"suite: s\nmodels:\n  net: {{generate: {generate}}}\n"
        "targets:\n  web: {driver: web-tfjs, variants: {plain: {wasm: plain}}}\n"
    )


def parsed(generate: str) -> Suite:
    return parse(a_suite(generate), Path("/s.yaml"), plugins=suite_fakes.plugins)


def test_a_networks_options_are_typed_and_default_where_they_are_left_out() -> None:
    (model,) = parsed("{network: mobilenet_v2, width: 0.5}").models
    assert model.generated == Generated(
        "mobilenet_v2", 1, options=suite_fakes.NetOptions(width=0.5, depth=3)
    )


@pytest.mark.parametrize("generate", ["mobilenet_v2", "{network: mobilenet_v2}"])
def test_a_name_alone_means_the_network_with_its_defaults(generate: str) -> None:
    (model,) = parsed(generate).models
    assert model.generated == Generated("mobilenet_v2", 1, options=suite_fakes.NetOptions())


@pytest.mark.parametrize(
    ("generate", "place", "told"),
    [
        (
            "{network: mobilenet_v2, widht: 2}",
            "widht",
            "unknown key 'widht', did you mean 'width'?",
        ),
        (
            "{network: mobilenet_v2, width: 0}",
            "0}",
            "width: expected more than 0, got the number 0",
        ),
        ("{network: mobilenet_v2, depth: wide}", "wide", "depth: expected a whole number"),
        ("{network: mobilenetv2}", "mobilenetv2", "generate: there is no network named"),
        ("{width: 0.5}", "generate", "generate: missing key 'network'; name the network"),
        ("{network: blazeface_front, width: 1}", "width", "unknown key 'width'"),
        ("[mobilenet_v2]", "[", "generate: expected text, or keys and values, got a list"),
        ("7", "7", "generate: expected text, or keys and values, got the number 7"),
    ],
)
def test_a_wrong_option_is_told_where_it_stands(generate: str, place: str, told: str) -> None:
    with pytest.raises(SuiteMistakes) as caught:
        parsed(generate)
    (finding,) = caught.value.findings
    line = a_suite(generate).splitlines()[finding.line - 1]
    assert line[finding.column - 1 :].startswith(place)
    assert told in str(finding)


def test_an_option_that_every_model_has_already_is_its_authors_mistake() -> None:
    class Claiming(Options):
        seed: Annotated[int, Field(description="drawn from")] = 1

    network = SimpleNamespace(name="mobilenet_v2", api_version=1, build=print, options=Claiming)

    def plugins(kind: Kind) -> Registry:
        found = {"mobilenet_v2": network} if kind == "models" else suite_fakes.DRIVERS
        return suite_fakes.registry_of(kind, found)

    with pytest.raises(PluginError, match="options that every model has already: seed"):
        parse(a_suite("mobilenet_v2"), Path("/s.yaml"), plugins=plugins)


class Narrow(Options):
    channels: Annotated[int, Field(ge=1, description="how many")] = 2


class WithOptions:
    """A network of today."""

    name = "with_options"
    api_version = 1
    options = Narrow

    def build(self, seed: int, options: Narrow) -> Graph:
        net = GraphBuilder(self.name, seed)
        return net.build(net.conv(net.input((1, 4, 4, 3)), options.channels))


class Without:
    """A network of a plug-in that was written before there were options."""

    name = "without"
    api_version = 1

    def build(self, seed: int) -> Graph:
        net = GraphBuilder(self.name, seed)
        return net.build(net.conv(net.input((1, 4, 4, 3)), 2))


def test_a_plugin_that_says_nothing_of_options_is_built_by_its_seed_alone() -> None:
    assert network_options(Without()) is NoOptions
    assert build_network(Without(), 7, NoOptions()).parameter_count > 0


def test_a_generated_file_is_told_apart_by_the_options_of_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path))
    networks: dict[str, Any] = {"with_options": WithOptions(), "without": Without()}
    monkeypatch.setattr(artifacts, "registry", lambda kind: suite_fakes.registry_of(kind, networks))

    def digest(network: str, options: Options) -> str:
        generated = Generated(network, 7, options=options)
        source = ModelSource("m", "fp32", generated, {}, (), "cpu", 1e-4)
        return artifacts.model_files(source, ["tflite"])["tflite"].sha256

    narrow, wide = (digest("with_options", Narrow(channels=n)) for n in (2, 5))
    assert narrow != wide
    assert digest("with_options", Narrow()) == narrow
    assert digest("without", NoOptions()) not in {narrow, wide}
    assert len(list((tmp_path / "generated").iterdir())) == 3
