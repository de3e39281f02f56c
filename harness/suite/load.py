"""From a suite file to a `Suite`, or to every mistake in it at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import PluginError
from harness.model import PublishedFigures
from harness.options import Options, Sampling
from harness.plugins import Driver, Kind, Registry, network_options, registry
from harness.suite import document, matrix, rules, wording
from harness.suite.finding import (
    Finding,
    Mistake,
    SuiteMistakes,
    about_the_file,
    did_you_mean,
    findings,
)
from harness.suite.keys import ModelKeys, SuiteKeys, TargetKeys
from harness.suite.model_values import model_files, pinned_source
from harness.suite.nodes import NO_KEYS, Entry, MapNode, Node, ScalarNode, data, entries_of
from harness.suite.values import (
    OnFinish,
    Point,
    Suite,
    Target,
    ToolSource,
    Variant,
)

Plugins: TypeAlias = Callable[[Kind], Registry]
_Keys = TypeVar("_Keys", bound=BaseModel)
_TARGET_KEYS = frozenset(TargetKeys.model_fields)
_MODEL_KEYS = frozenset(ModelKeys.model_fields)
_NETWORK = "network"


def load(path: Path, *, plugins: Plugins = registry) -> Suite:
    """Read a suite.

    Raises:
        SuiteMistakes: a `SuiteError` that lists every mistake by its position.
    """
    return parse(read_text(path), path, plugins=plugins)


def validate(path: Path, *, plugins: Plugins = registry) -> tuple[Finding, ...]:
    """Return every mistake in a suite file, sorted by position; none if it can be run."""
    try:
        load(path, plugins=plugins)
    except SuiteMistakes as error:
        return error.findings
    return ()


def parse(text: str, path: Path, *, plugins: Plugins = registry, pinned: bool = True) -> Suite:
    """Read a suite's text as if it stood at `path`; `pinned=False` lets URLs without hash pass.

    Raises:
        SuiteMistakes: a `SuiteError` that lists every mistake by its position.
    """
    read = document.read(text)
    checked = _Checked(plugins, list(read.mistakes))
    if read.root is not None:
        checked.suite(read.root, pinned=pinned)
    if checked.mistakes:
        raise SuiteMistakes(findings(text, str(path), checked.mistakes))
    suite = _suite(text, path, checked)
    # Names of a matrix are known only now.
    unknown = list(rules.base_model_named(read.root, {model.name for model in suite.models}))
    if unknown:
        raise SuiteMistakes(findings(text, str(path), unknown))
    return suite


def read_text(path: Path) -> str:
    """Return a suite file's text.

    Raises:
        SuiteMistakes: it is not there, too large, or not UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(document.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if len(content) > document.MAX_BYTES:
        raise about_the_file(
            str(path), f"larger than {document.MAX_BYTES} bytes, which no suite is", "split it"
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        mistake = Mistake(
            len(before), f"not UTF-8 text: byte 0x{content[error.start]:02X}", "save it as UTF-8"
        )
        text = content.decode(errors="replace")
        raise SuiteMistakes(findings(text, str(path), [mistake])) from error


def _unreadable(path: Path, error: OSError | ValueError) -> SuiteMistakes:
    if isinstance(error, FileNotFoundError):
        try:
            beside = [entry.name for entry in path.parent.iterdir()]
        except OSError:
            beside = []
        guess = did_you_mean(path.name, beside)
        return about_the_file(str(path), "there is no such file", guess)
    if isinstance(error, IsADirectoryError):
        return about_the_file(str(path), "this is a folder", "name the suite file in it")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return about_the_file(str(path), f"cannot be read: {reason}", "check the path")


@dataclass(slots=True)
class _Checked:
    """The typed parts of a suite as they come, and every mistake met on the way."""

    plugins: Plugins
    mistakes: list[Mistake]
    keys: SuiteKeys | None = None
    targets: list[Target] = field(default_factory=list)
    networks: dict[str, tuple[str, Options]] = field(default_factory=dict)
    points: Mapping[matrix.Path, Point] = field(default_factory=dict)

    def suite(self, root: Node, *, pinned: bool) -> None:
        if not isinstance(root, MapNode):
            self.mistakes.append(
                Mistake(root.start, f"a suite is keys and values, this is {wording.got(root)}")
            )
            return
        expanded = matrix.expanded(root, matrix.ListsTaken(self._of_driver, self._of_network))
        self.mistakes += expanded.mistakes
        root, self.points = expanded.root, expanded.points
        self.keys = self._valid(SuiteKeys, root)
        self.mistakes += rules.mistakes(root, self.plugins("models").names, pinned=pinned)
        for entry in entries_of(root.get("models")).values():
            if isinstance(entry.value, MapNode):
                self._network(entry.key.text, entry.value)
        for entry in entries_of(root.get("targets")).values():
            if isinstance(entry.value, MapNode):
                self._target(entry.key, entry.value, root)

    def _of_driver(self, name: str) -> frozenset[str]:
        """Return the keys of a driver's variants that take lists; none of what is no driver."""
        try:
            return wording.keys_of_lists(self.plugins("drivers").get(name).variant_options)
        except PluginError:
            return frozenset()

    def _of_network(self, name: str) -> frozenset[str]:
        try:
            return wording.keys_of_lists(network_options(self.plugins("models").get(name)))
        except PluginError:
            return frozenset()

    def _valid(
        self,
        model: type[_Keys],
        node: Node,
        key: ScalarNode | None = None,
        **schema: Any,
    ) -> _Keys | None:
        try:
            # As JSON, strict mode takes lists for tuples and text for paths, as YAML means them.
            return model.model_validate_json(json.dumps(data(node)))
        except ValidationError as error:
            self.mistakes += wording.mistakes(error, node, key, wording.Schema(model, **schema))
            return None

    def _network(self, model: str, keys: MapNode) -> None:
        """Read which network a model is generated from, and its options."""
        generate, named = keys.entry("generate"), rules.network_named(keys)
        if generate is None or not isinstance(generate.value, MapNode | ScalarNode):
            return
        if named is None:
            if isinstance(generate.value, MapNode):
                missing = f"generate: missing key {_NETWORK!r}"
                self.mistakes.append(Mistake(generate.key.start, missing, "name the network"))
            return
        options = self._network_options(named)
        if options is None:
            return
        below = generate.value if isinstance(generate.value, MapNode) else NO_KEYS
        given = below.filtered(lambda key: key != _NETWORK)
        read = self._valid(options, given, generate.key, also=frozenset({_NETWORK}))
        if read is not None:
            self.networks[model] = (named.text, read)

    def _network_options(self, named: ScalarNode) -> type[Options] | None:
        networks = self.plugins("models")
        if named.text not in networks.names:
            return None  # told by the rules
        try:
            options = network_options(networks.get(named.text))
        except PluginError as error:
            self.mistakes.append(Mistake(named.start, f"generate: {error}", error.hint))
            return None
        claimed = (_MODEL_KEYS | matrix.RESERVED | {_NETWORK}) & wording.known_keys(options, ())
        if claimed:
            raise PluginError(
                f"the network {named.text!r} has options that every model has already: "
                + ", ".join(sorted(claimed)),
                where=networks.origins[named.text],
                hint="the network's author must rename them",
            )
        return options

    def _target(self, name: ScalarNode, target: MapNode, root: MapNode) -> None:
        keys = self._valid(TargetKeys, target.filtered(_TARGET_KEYS.__contains__), name)
        driver = self._driver(target.text("driver"))
        if driver is None:
            return
        options = self._valid(
            driver.target_options,
            target.filtered(lambda key: key not in _TARGET_KEYS),
            name,
            also=_TARGET_KEYS,
            elsewhere=dict.fromkeys(
                wording.known_keys(driver.variant_options, ()) | matrix.RESERVED,
                "it belongs to each variant, below `variants:`",
            ),
        )
        self._tool_named(driver.target_options, target, root)
        for entry in entries_of(target.get("variants")).values():
            self._tool_named(driver.variant_options, entry.value, root)
        variants = self._variants(driver, name.text, target.get("variants"))
        if keys is None or options is None or self.mistakes:
            return
        self.targets.append(
            Target(
                name=name.text,
                driver=driver.name,
                options=options,
                variants=variants,
                baseline=keys.baseline,
                ratios=_ratios(keys, variants),
                sampling=_sampling(root.get("sampling"), target.get("sampling")),
            )
        )

    def _tool_named(self, options: type[BaseModel], keys: Node, root: MapNode) -> None:
        tool = keys.get("tool") if isinstance(keys, MapNode) else None
        if "tool" in options.model_fields and isinstance(tool, ScalarNode):
            self.mistakes += rules.tool_named(tool, root.get("tools"))

    def _driver(self, name: ScalarNode | None) -> Driver | None:
        if name is None:
            return None
        drivers = self.plugins("drivers")
        try:
            driver: Driver = drivers.get(name.text)
        except PluginError as error:
            known = drivers.names
            guess = "" if name.text in known else did_you_mean(name.text, known)
            self.mistakes.append(Mistake(name.start, f"driver: {error}", guess or error.hint))
            return None
        claimed = _TARGET_KEYS & wording.known_keys(driver.target_options, ())
        claimed |= matrix.RESERVED & wording.known_keys(driver.variant_options, ())
        if claimed:
            raise PluginError(
                f"the driver {driver.name!r} has options that every target or variant has already: "
                + ", ".join(sorted(claimed)),
                where=drivers.origins[driver.name],
                hint="the driver's author must rename them",
            )
        return driver

    def _variants(self, driver: Driver, target: str, variants: Node | None) -> tuple[Variant, ...]:
        elsewhere = dict.fromkeys(
            wording.known_keys(driver.target_options, ()) | _TARGET_KEYS,
            "it belongs to the target, beside `variants:`",
        )
        return tuple(
            Variant(name, options, self.points.get(("targets", target, name)))
            for name, entry in entries_of(variants).items()
            if isinstance(entry.value, MapNode)
            and (options := self._variant(driver, entry, elsewhere)) is not None
        )

    def _variant(
        self, driver: Driver, entry: Entry, elsewhere: Mapping[str, str]
    ) -> BaseModel | None:
        return self._valid(driver.variant_options, entry.value, entry.key, elsewhere=elsewhere)


def _ratios(keys: TargetKeys, variants: tuple[Variant, ...]) -> tuple[tuple[str, str], ...]:
    to_baseline = [
        (variant.name, keys.baseline)
        for variant in variants
        if keys.baseline and variant.name != keys.baseline
    ]
    declared = [(over, under) for over, _, under in (text.partition("/") for text in keys.ratios)]
    return tuple(dict.fromkeys([*to_baseline, *declared]))


def _sampling(suite: Node | None, target: Node | None) -> Sampling:
    """Lay a target's sampling over the suite's, key by key; both were valid by themselves."""
    merged: dict[str, Any] = data(suite) if isinstance(suite, MapNode) else {}
    for key, value in (data(target) if isinstance(target, MapNode) else {}).items():
        below = merged.get(key)
        merged[key] = below | value if isinstance(below, dict) else value
    return Sampling.model_validate_json(json.dumps(merged))


def _suite(text: str, path: Path, checked: _Checked) -> Suite:
    keys = checked.keys
    assert keys is not None
    folder = Path(os.path.abspath(path)).parent  # noqa: PTH100  resolve() would leave a link's folder
    return Suite(
        name=keys.suite,
        path=path,
        text=text,
        models=tuple(
            file
            for name, model in keys.models.items()
            for file in model_files(
                name,
                model,
                folder,
                checked.networks.get(name),
                checked.points.get(("models", name)),
            )
        ),
        targets=tuple(checked.targets),
        tools=tuple(
            ToolSource(name, abi, pinned_source(source, tool, folder), tool.kind)
            for name, tool in keys.tools.items()
            for abi, source in tool.builds.items()
        ),
        sampling=keys.sampling,
        plan_memory=keys.plan_memory,
        base_model=keys.base_model,
        published=tuple(
            PublishedFigures(
                each.name,
                each.source,
                {
                    model: {variant: ms / 1000 for variant, ms in times.items()}
                    for model, times in each.latency_ms.items()
                },
            )
            for each in keys.published
        ),
        until=keys.until,
        on_finish=_on_finish(keys),
        gate=keys.gate,
    )


def _on_finish(keys: SuiteKeys) -> OnFinish | None:
    given = keys.on_finish
    return None if given is None else OnFinish(tuple(given.command), given.timeout_s)
