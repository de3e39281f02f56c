"""Pinning: fetch or find what a suite names, hash it, and write that into the suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from harness.errors import SuiteError
from harness.plugins import ModelFormat, registry
from harness.store.durable import write_atomically
from harness.suite import document, elf, pinning
from harness.suite.finding import Mistake, SuiteMistakes, findings
from harness.suite.keys import is_url
from harness.suite.load import Plugins, parse, read_text
from harness.suite.matrix import MATRIX
from harness.suite.matrix_names import Chosen
from harness.suite.nodes import ListNode, MapNode, Node, ScalarNode, data, entries_of, follow
from harness.suite.values import ModelSource, Source, Suite


class Download(Protocol):
    """A fetched file on this disk and its sha256 as suites pin it."""

    @property
    def path(self) -> Path: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _OnDisk:
    """A file that the suite names by path."""

    path: Path
    sha256: str


Fetch: TypeAlias = Callable[[str, ModelFormat | None], Download]
"""Downloads a URL; with the format `tfjs`, the weight files that its model.json names too."""

_Trail: TypeAlias = tuple[str | int, ...]
"""Where something stands in a suite: keys, and the place in a list."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What became of one source: `where` is its path in the suite, such as `tools.t.x86`.

    `pinned` was written now, `unchanged` was right already, `missing` is a program by path that
    is not there to be pinned.
    """

    where: str
    source: str
    outcome: Literal["pinned", "unchanged", "missing"]
    sha256: str | None = None
    abi: str | None = None


@dataclass(frozen=True, slots=True)
class LockReport:
    """Every source that was looked at, and whether the suite's file was rewritten."""

    path: Path
    pins: tuple[Pin, ...]
    changed: bool


def lock(path: Path, fetch: Fetch, *, plugins: Plugins = registry) -> LockReport:
    """Pin a suite's URLs and tools in place, keeping its comments and layout; all or none.

    Models by path are left alone: they change while they are worked on, and each result has
    their hash. The ABI of every program is checked.

    Raises:
        SuiteError: the suite is wrong, cannot be written, or something fetched is not what
            is pinned already; nothing was written. Whatever `fetch` raises passes through.
    """
    text = read_text(path)
    suite = parse(text, path, plugins=plugins, pinned=False)
    root = document.read(text).root
    assert isinstance(root, MapNode)
    locking = _Locking(text, fetch)
    for claim in _claims(suite, root):
        locking.settle(claim)
    if locking.mistakes:
        raise SuiteMistakes(findings(text, str(path), locking.mistakes))
    locked = _locked_text(text, root, locking)
    if locked is None:
        raise _by_hand(path, locking)
    parse(locked, path, plugins=plugins)
    if locked != text:
        _replace(path, text, locked)
    return LockReport(path, tuple(locking.pins), locked != text)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A source to be settled: where it stands in the suite, and what it must be."""

    trail: _Trail
    node: Node
    key: ScalarNode
    source: Source
    format: ModelFormat | None = None

    @property
    def where(self) -> str:
        return ".".join(map(str, self.trail))

    @property
    def is_tool(self) -> bool:
        return self.format is None

    @property
    def pinned_above(self) -> bool:
        """Whether the hash stands beside the build, as a tool's only one."""
        own = isinstance(self.node, MapNode) and self.node.entry("sha256")
        return self.source.sha256 is not None and not own


def _claims(suite: Suite, root: MapNode) -> Iterator[_Claim]:
    # Models of one matrix may share a source.
    trails = {
        _trail(model, format_, root): (source, format_)
        for model in suite.models
        for format_, source in model.files.items()
        if source.url
    }
    for trail, (source, format_) in trails.items():
        yield _claim(root, trail, source, format_)
    for tool in suite.tools:
        yield _claim(root, ("tools", tool.name, tool.abi), tool.source)


def _trail(model: ModelSource, format_: ModelFormat, root: MapNode) -> _Trail:
    """Return where the file has a model's source: below its name, its file's, or in its matrix."""
    name = model.point.origin if model.point else model.name
    above = entries_of(root.get("models"))[name].value
    assert isinstance(above, MapNode)
    if model.point and format_ in model.point.axes:
        matrix = above.get(MATRIX)
        listed = matrix.get(format_) if isinstance(matrix, MapNode) else None
        assert isinstance(listed, ListNode)
        said = [Chosen(format_, item, place).fact for place, item in enumerate(listed.items, 1)]
        return ("models", name, MATRIX, format_, said.index(model.point.axes[format_]))
    several = ("files", model.file) if above.entry("files") else ()
    return ("models", name, *several, format_)


def _claim(
    root: MapNode, trail: _Trail, source: Source, format_: ModelFormat | None = None
) -> _Claim:
    found = follow(root, trail)
    assert found.key is not None
    return _Claim(trail, found.node, found.key, source, format_)


@dataclass(slots=True)
class _Locking:
    """What has been fetched and found so far."""

    text: str
    fetch: Fetch
    pins: list[Pin] = field(default_factory=list)
    added: dict[_Trail, dict[str, str]] = field(default_factory=dict)
    edits: list[pinning.Edit] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    _fetched: dict[tuple[str, ModelFormat | None], Download] = field(default_factory=dict)

    def settle(self, claim: _Claim) -> None:
        found = self._found(claim)
        if found is None:
            return
        pinned = claim.source.sha256
        if pinned and pinned != found.sha256:
            gives = "the URL now gives" if claim.source.url else "the file is now"
            self._wrong(
                claim,
                f"pinned as sha256 {pinned}, and {gives} {found.sha256}",
                "if the change is meant, remove the pin and lock again",
            )
            return
        abi = self._abi(claim, found.path) if claim.is_tool else None
        if claim.is_tool and abi is None:
            return
        # A hash beside the only build of a tool stays where it is.
        wanted = {} if claim.pinned_above else {"sha256": found.sha256}
        wanted |= {"abi": abi} if abi and not claim.pinned_above else {}
        there = data(claim.node) if isinstance(claim.node, MapNode) else {}
        missing = {key: value for key, value in wanted.items() if key not in there}
        if missing:
            self.added[claim.trail] = missing
            self.edits.append(pinning.pin(self.text, claim.node, missing))
        outcome: Literal["pinned", "unchanged"] = "pinned" if missing else "unchanged"
        self.pins.append(Pin(claim.where, claim.source.name, outcome, found.sha256, abi))

    def _download(self, url: str, format_: ModelFormat | None) -> Download:
        key = (url, format_)
        if key not in self._fetched:
            self._fetched[key] = self.fetch(url, format_)
        return self._fetched[key]

    def _found(self, claim: _Claim) -> Download | None:
        """Return what a source stands for now; None where it cannot be had, which is noted."""
        if claim.source.url is not None:
            return self._download(claim.source.url, claim.format)
        path = claim.source.path
        assert path is not None
        if not path.exists():
            self.pins.append(Pin(claim.where, str(path), "missing"))
            return None
        try:
            with path.open("rb") as file:
                return _OnDisk(path, file_digest(file, "sha256").hexdigest())
        except OSError as error:
            self._wrong(claim, f"{path} cannot be read: {error.strerror}", "check the path")
            return None

    def _abi(self, claim: _Claim, path: Path) -> str | None:
        try:
            with path.open("rb") as file:
                found = elf.abi(file.read(elf.HEADER_BYTES))
        except OSError as error:
            self._wrong(claim, f"{path} cannot be read: {error.strerror}", "check the path")
            return None
        except SuiteError as error:
            self._wrong(claim, f"{claim.source.name}: {error.message}", error.hint)
            return None
        if found != claim.trail[-1]:
            self._wrong(
                claim,
                f"{claim.source.name} is a program for {found}",
                f"move it to the key {found}, or name the build for {claim.trail[-1]}",
            )
            return None
        return found

    def _wrong(self, claim: _Claim, message: str, suggestion: str) -> None:
        self.mistakes.append(Mistake(claim.key.start, f"{claim.key.text}: {message}", suggestion))


def _locked_text(text: str, root: MapNode, locking: _Locking) -> str | None:
    """Return the text with the pins in it, or None if it would not say exactly that."""
    locked = pinning.apply(text, locking.edits)
    read = document.read(locked)
    if read.root is None or read.mistakes:
        return None
    meant: Any = data(root)
    for trail, added in locking.added.items():
        above = meant
        for part in trail[:-1]:
            above = above[part]
        there = above[trail[-1]]
        if isinstance(there, str):
            there = {"url" if is_url(there) else "path": there}
        above[trail[-1]] = there | added
    return locked if data(read.root) == meant else None


def _by_hand(path: Path, locking: _Locking) -> SuiteError:
    pins = "; ".join(
        f"{'.'.join(map(str, trail))}: "
        + ", ".join(f"{key}: {value}" for key, value in added.items())
        for trail, added in locking.added.items()
    )
    return SuiteError(
        "the pins cannot be written without changing the layout; nothing was written",
        where=str(path),
        hint=f"write them yourself: {pins}",
    )


def _replace(path: Path, before: str, after: str) -> None:
    try:
        # The file that a link stands for is rewritten, the link stays.
        real = path.resolve(strict=True)
        if real.read_bytes() != before.encode():
            raise SuiteError(
                "the suite was changed while its files were fetched; nothing was written",
                where=str(path),
                hint="lock it again",
            )
        mode = real.stat().st_mode
        write_atomically(real, after.encode())
        real.chmod(mode & 0o7777)
    except OSError as error:
        raise SuiteError(
            f"the pins cannot be written: {error.strerror}",
            where=str(path),
            hint="make the file and its folder writable, then lock it again",
        ) from error
