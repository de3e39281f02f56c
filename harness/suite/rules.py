"""What the keys of a suite must be to each other, told from the nodes alone.

Each rule looks only at what is well formed, so that it speaks even where other keys are
wrong, and says nothing twice that the types already say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from math import prod

from harness.outputs import PRECISIONS
from harness.plugins import MODEL_FORMATS
from harness.suite.finding import Mistake, did_you_mean
from harness.suite.keys import ABIS, SUITE_WIDE, is_url
from harness.suite.nodes import Entry, ListNode, MapNode, Node, ScalarNode, data, entries_of

_ANY_FORMAT = ", ".join(f"`{format_}`" for format_ in MODEL_FORMATS)
_MOST_INPUT_NUMBERS = 1 << 28


def mistakes(root: MapNode, networks: Iterable[str], *, pinned: bool) -> Iterator[Mistake]:
    """Tell every broken rule; `pinned` asks for a sha256 beside each URL."""
    known = tuple(networks)
    for entry in entries_of(root.get("models")).values():
        if isinstance(entry.value, MapNode):
            yield from _model(entry, entry.value, known, pinned=pinned)
    for entry in entries_of(root.get("targets")).values():
        if isinstance(entry.value, MapNode):
            yield from _target(entry.value)
    for tool in entries_of(root.get("tools")).values():
        if isinstance(tool.value, MapNode):
            yield from _tool(tool.key, tool.value, pinned=pinned)
    yield from _published(root)
    yield from _precision_alone(entries_of(root.get("sampling")))


def _precision_alone(sampling: Mapping[str, Entry]) -> Iterator[Mistake]:
    """Check that one key alone says how many blocks there are."""
    # null stands for a key that is not there.
    given = {key: entry for key, entry in sampling.items() if data(entry.value) is not None}
    precision, blocks, budget = map(given.get, ("precision", "blocks", "budget"))
    if precision and blocks:
        yield Mistake(
            blocks.key.start,
            "blocks: `precision` decides how many there are",
            "keep one of the two; `--blocks N` takes a fixed number for once",
        )
    if budget and not precision:
        yield Mistake(
            budget.key.start,
            "budget: it bounds how long `precision` adds blocks, and there is none",
            "add `precision: 2%`; a fixed number of blocks ends at a time of day with `until:`",
        )


def base_model_named(root: Node | None, models: Collection[str]) -> Iterator[Mistake]:
    """Check that `base_model` names one of these models."""
    named = root.get("base_model") if isinstance(root, MapNode) else None
    if isinstance(named, ScalarNode) and named.text not in models:
        yield Mistake(
            named.start,
            f"base_model: there is no model named {named.text!r} in this suite",
            did_you_mean(named.text, models) or f"its models: {', '.join(sorted(models))}",
        )


def _published(root: MapNode) -> Iterator[Mistake]:
    known = entries_of(root.get("models"))
    listed = root.get("published")
    for each in listed.items if isinstance(listed, ListNode) else ():
        times = each.get("latency_ms") if isinstance(each, MapNode) else None
        for name, entry in entries_of(times).items():
            if name not in known:
                yield Mistake(
                    entry.key.start,
                    f"latency_ms: there is no model named {name!r} in this suite",
                    did_you_mean(name, known) or f"its models: {', '.join(known)}",
                )


def tool_named(tool: ScalarNode, tools: Node | None) -> Iterator[Mistake]:
    """Check a driver's option `tool`, which names an entry of the suite's `tools`."""
    known = entries_of(tools)
    if isinstance(tool.value, str) and tool.text not in known:
        suggestion = did_you_mean(tool.text, known) or (
            f"known tools: {', '.join(known)}" if known else "declare it under `tools:`"
        )
        yield Mistake(tool.start, f"tool: there is no tool named {tool.text!r}", suggestion)


def network_named(model: MapNode) -> ScalarNode | None:
    """Return the network that a model's `generate` names, by itself or beside its options."""
    generate = model.get("generate")
    return generate.text("network") if isinstance(generate, MapNode) else model.text("generate")


def _model(
    entry: Entry, model: MapNode, networks: tuple[str, ...], *, pinned: bool
) -> Iterator[Mistake]:
    name = entry.key
    sources = [found for format_ in MODEL_FORMATS if (found := model.entry(format_))]
    generate, seed = model.entry("generate"), model.entry("seed")
    files = model.entry("files")
    if generate is None and not sources and not files:
        yield Mistake(
            name.start,
            f"{name.text}: a model needs `generate`, {_ANY_FORMAT}, or `files`",
            f"known networks to generate: {', '.join(networks)}" if networks else "",
        )
    if generate and sources:
        other = sources[0].key
        yield Mistake(
            other.start, f"{other.text}: this model is generated already", "keep one of the two"
        )
    if seed and not generate:
        yield Mistake(seed.key.start, "seed: only a generated model has one", "leave it away")
    yield from _network(network_named(model), networks)
    for source in sources:
        yield from _source(source, pinned=pinned)
    if files:
        yield from _files(model, files, pinned=pinned)
    elif generate and (file := model.entry("file")):
        yield Mistake(
            file.key.start,
            "file: a generated model names its files in `files:`",
            f"such as `files: [{', '.join(PRECISIONS)}]`",
        )
    reference = model.text("reference")
    if reference and reference.text != "cpu" and not reference.text.endswith(".npz"):
        yield Mistake(
            reference.start,
            f"reference: expected cpu or an .npz file, got {reference.text[:40]!r}",
            did_you_mean(reference.text, ["cpu"]),
        )
    for given in entries_of(model.get("inputs")).values():
        yield from _input(given)


def _files(model: MapNode, files: Entry, *, pinned: bool) -> Iterator[Mistake]:
    for key in ("file", *MODEL_FORMATS, "tolerance"):
        if (beside := model.entry(key)) and not (key in MODEL_FORMATS and model.entry("generate")):
            yield Mistake(
                beside.key.start,
                f"{key}: `files` is there too",
                "write it below the file's name in `files:`",
            )
    generated = model.entry("generate") is not None
    if isinstance(files.value, ListNode):
        yield from _listed(files.value, files.key, generated=generated)
    for entry in entries_of(files.value).values():
        if generated:
            yield from _precision(entry.key)
        if isinstance(entry.value, MapNode):
            yield from _file(entry, entry.value, generated=generated, pinned=pinned)


def _listed(listed: ListNode, key: ScalarNode, *, generated: bool) -> Iterator[Mistake]:
    if not generated:
        yield Mistake(
            key.start,
            "files: only a generated model can leave it at names",
            "write `files: {fp32: {tflite: …}, int8: {tflite: …}}`",
        )
        return
    seen: set[str] = set()
    for item in listed.items:
        if not isinstance(item, ScalarNode):
            yield Mistake(item.start, "files: expected names in the list")
        elif item.text in seen:
            yield Mistake(item.start, f"files: {item.text[:40]!r} is named twice", "keep one")
        else:
            seen.add(item.text)
            yield from _precision(item)


def _precision(name: ScalarNode) -> Iterator[Mistake]:
    if name.text not in PRECISIONS:
        yield Mistake(
            name.start,
            f"files: a generated model has no file {name.text[:40]!r}",
            did_you_mean(name.text, PRECISIONS) or f"it can have {', '.join(PRECISIONS)}",
        )


def _file(entry: Entry, file: MapNode, *, generated: bool, pinned: bool) -> Iterator[Mistake]:
    sources = [found for format_ in MODEL_FORMATS if (found := file.entry(format_))]
    if generated and sources:
        yield Mistake(
            sources[0].key.start,
            f"{sources[0].key.text}: this model is generated already",
            "keep one of the two",
        )
    if not generated and not sources:
        yield Mistake(entry.key.start, f"{entry.key.text}: a file needs one of {_ANY_FORMAT}")
    for source in sources:
        yield from _source(source, pinned=pinned)


def _network(generate: ScalarNode | None, networks: tuple[str, ...]) -> Iterator[Mistake]:
    if generate and generate.text not in networks:
        yield Mistake(
            generate.start,
            f"generate: there is no network named {generate.text[:40]!r}",
            did_you_mean(generate.text, networks) or f"known networks: {', '.join(networks)}",
        )


def _source(entry: Entry, *, pinned: bool) -> Iterator[Mistake]:
    label, value = entry.key.text, entry.value
    if isinstance(value, ScalarNode) and isinstance(value.value, str):
        if is_url(value.text):
            yield from _address(label, value)
            if pinned:
                yield _unpinned(label, value)
        else:
            yield from _path(label, value)
    if not isinstance(value, MapNode):
        return
    path, url = value.entry("path"), value.entry("url")
    if path and url:
        yield Mistake(url.key.start, f"{label}: both a path and a URL", "keep one of the two")
    if not path and not url:
        yield Mistake(entry.key.start, f"{label}: missing key 'path' or 'url'")
    if written := value.text("path"):
        yield from _path(label, written)
    if address := value.text("url"):
        yield from _address("url", address)
        if pinned and not value.get("sha256"):
            yield _unpinned(label, address)


def _unpinned(label: str, address: ScalarNode) -> Mistake:
    return Mistake(
        address.start, f"{label}: a URL needs a sha256", "`edgebench lock SUITE` writes it"
    )


def _address(label: str, node: ScalarNode) -> Iterator[Mistake]:
    host = node.text.partition("://")[2].partition("/")[0]
    if not is_url(node.text) or not host or not node.text.isprintable() or " " in node.text:
        yield Mistake(
            node.start,
            f"{label}: {node.text[:80]!r} is no URL",
            "expected http://… or https://… without spaces; a file on this host goes to `path:`",
        )


def _path(label: str, node: ScalarNode) -> Iterator[Mistake]:
    if is_url(node.text):
        yield Mistake(node.start, f"{label}: this is a URL, not a path", "write `url:`")
    elif "://" in node.text:
        yield Mistake(
            node.start,
            f"{label}: only http:// and https:// addresses can be fetched",
            "fetch the file yourself and name its path",
        )


def _tool(name: ScalarNode, tool: MapNode, *, pinned: bool) -> Iterator[Mistake]:
    builds = [entry for key, entry in tool.entries.items() if key in ABIS]
    whole = tool.entry("sha256")
    if not builds and tool.entries.keys() <= {"sha256", "kind"}:
        yield Mistake(
            name.start, f"{name.text}: a tool needs a build", f"name its ABI: {', '.join(ABIS)}"
        )
    if whole and len(builds) > 1:
        yield Mistake(
            whole.key.start,
            "sha256: this tool has several builds, and each has a hash of its own",
            "write it beside the `url:` or `path:` of each",
        )
    for build in builds:
        own = isinstance(build.value, MapNode) and build.value.entry("sha256")
        if whole and own:
            yield Mistake(
                whole.key.start, "sha256: the build has one already", "keep one of the two"
            )
        yield from _source(build, pinned=pinned and not whole)
        yield from _abi(build)


def _abi(entry: Entry) -> Iterator[Mistake]:
    abi = entry.value.text("abi") if isinstance(entry.value, MapNode) else None
    if abi and abi.text != entry.key.text:
        yield Mistake(
            abi.start,
            f"abi: {abi.text[:40]!r} stands under the key {entry.key.text!r}",
            "both name the ABI of the file, so they must be equal",
        )


def _input(entry: Entry) -> Iterator[Mistake]:
    given = entry.value
    if not isinstance(given, MapNode):
        return
    bounds, file = given.entry("range"), given.entry("file")
    if bounds and file:
        yield Mistake(bounds.key.start, "range: a file says all numbers", "keep one of the two")
    if bounds and isinstance(bounds.value, ListNode) and len(bounds.value.items) == 2:
        low, high = data(bounds.value)
        if isinstance(low, int | float) and isinstance(high, int | float) and low >= high:
            yield Mistake(bounds.value.start, "range: expected the lower number first")
    shape = given.get("shape")
    if isinstance(shape, ListNode):
        sizes = data(shape)
        whole = all(isinstance(size, int) and size > 0 for size in sizes)
        if whole and prod(sizes) > _MOST_INPUT_NUMBERS:
            yield Mistake(shape.start, f"shape: more than {_MOST_INPUT_NUMBERS} numbers")


def _target(target: MapNode) -> Iterator[Mistake]:
    variants = target.get("variants")
    if isinstance(variants, MapNode) and variants.entries:
        baseline = target.text("baseline")
        if baseline:
            yield from _variant("baseline", baseline, baseline.text, variants)
        ratios = target.get("ratios")
        listed = ratios.items if isinstance(ratios, ListNode) else ()
        yield from chain.from_iterable(_ratio(ratio, variants) for ratio in listed)
    for key, entry in entries_of(target.get("sampling")).items():
        if key in SUITE_WIDE:
            yield Mistake(
                entry.key.start,
                f"{key}: not for one target: {SUITE_WIDE[key]}",
                "set it in the suite's own `sampling:`",
            )


def _ratio(node: Node, variants: MapNode) -> Iterator[Mistake]:
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return
    parts = node.text.split("/")
    if len(parts) != 2 or not all(parts):
        yield Mistake(node.start, f"ratios: expected VARIANT/VARIANT, got {node.text[:80]!r}")
        return
    if parts[0] == parts[1]:
        yield Mistake(node.start, f"ratios: {node.text[:80]!r} compares a variant with itself")
        return
    for part in parts:
        yield from _variant("ratios", node, part, variants)


def _variant(label: str, node: ScalarNode, name: str, variants: MapNode) -> Iterator[Mistake]:
    if name not in variants.entries:
        known = variants.entries
        suggestion = did_you_mean(name, known) or f"known variants: {', '.join(known)}"
        yield Mistake(node.start, f"{label}: there is no variant named {name[:40]!r}", suggestion)
