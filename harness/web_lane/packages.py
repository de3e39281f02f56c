"""What npm installed of a runtime: its files by served name, their versions and their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness import locations
from harness.errors import TargetNotFound

# Node looks for packages in folders of this name alone.
_MODULES = "node_modules"
_SCRIPTS = frozenset({".js", ".cjs", ".mjs", ".json"})


@dataclass(frozen=True, slots=True)
class Runtime:
    """How a runtime is installed: its name for people, the command that brings it, its kind.

    `files` is served name → (package, path inside it).
    """

    label: str
    kind: str
    bring: str
    files: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class InstalledFiles:
    """A runtime on this disk; `version` is the one of its packages, which must agree."""

    version: str
    paths: Mapping[str, Path]
    sha256: Mapping[str, str]

    def digest(self, names: Iterable[str]) -> str:
        """Return one hash over some of the files, in the order in which they are named."""
        return sha256("\n".join(self.sha256[name] for name in names).encode()).hexdigest()


def installed(runtime: Runtime, root: Path | None = None) -> InstalledFiles:
    """Find a runtime's files in `root`, by default `node_modules`.

    Raises:
        TargetNotFound: of the runtime's kind: it is not there, not whole, or mixed.
    """
    root = root or locations.node_modules()
    paths = {name: root / package / inside for name, (package, inside) in runtime.files.items()}
    packages = dict.fromkeys(package for package, _ in runtime.files.values())
    try:
        versions = {_version(root / package) for package in packages}
        hashes = {name: sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise TargetNotFound(
            f"{runtime.label} is not installed, or not whole: {error}",
            hint=f"run: {runtime.bring}",
            kind=runtime.kind,
        ) from error
    if len(versions) != 1:
        raise TargetNotFound(
            f"the packages of {runtime.label} have different versions: "
            f"{', '.join(sorted(versions))}",
            hint=f"run: {runtime.bring}",
            kind=runtime.kind,
        )
    return InstalledFiles(versions.pop(), paths, hashes)


def kept_files(runtime: Runtime) -> Mapping[str, Path]:
    """Return the files by which `installed` finds a runtime, by their path as they are kept.

    Raises:
        TargetNotFound: as `installed` does.
    """
    installed(runtime)
    root = locations.node_modules()
    packages = dict.fromkeys(package for package, _ in runtime.files.values())
    inside = [f"{package}/package.json" for package in packages]
    inside += [f"{package}/{path}" for package, path in runtime.files.values()]
    return {f"{_MODULES}/{path}": root / path for path in inside}


def modules_in(kept: Path | None) -> Path | None:
    """Return the `node_modules` of a kept runtime, None where it is the installed one."""
    return None if kept is None else kept / _MODULES


def files_for_node(packages: Iterable[str]) -> Mapping[str, Path]:
    """Return what Node loads packages and all that they depend on from, as they are kept.

    Of a package of TF.js, whose folder has every kind of build, that is its main file and its Wasm
    binaries; of any other all of its scripts. What is not installed is left out.
    """
    root = locations.node_modules()
    files: dict[str, Path] = {}
    seen: set[str] = set()
    ahead = [*packages]
    while ahead:
        package = ahead.pop()
        described = root / package / "package.json"
        if package in seen or not described.is_file():
            continue
        seen.add(package)
        said = json.loads(described.read_bytes())
        ahead += said.get("dependencies", {})
        inside = [described, *_loaded(root / package, str(said.get("main", "index.js")))]
        files |= {f"{_MODULES}/{path.relative_to(root).as_posix()}": path for path in inside}
    return files


def _loaded(folder: Path, main: str) -> Iterator[Path]:
    if folder.parent.name == "@tensorflow":
        yield folder / main
        yield from sorted((folder / main).parent.glob("*.wasm"))
        return
    for path in sorted(folder.rglob("*")):
        if path.suffix in _SCRIPTS and path.is_file():
            yield path


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_bytes())["version"])
