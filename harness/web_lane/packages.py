"""What npm installed of a runtime: its files by served name, their versions and their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness import locations
from harness.errors import TargetNotFound


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
    """Return the files by which `installed` finds a runtime, by their path in `node_modules`.

    Raises:
        TargetNotFound: as `installed` does.
    """
    installed(runtime)
    root = locations.node_modules()
    packages = dict.fromkeys(package for package, _ in runtime.files.values())
    inside = [f"{package}/package.json" for package in packages]
    inside += [f"{package}/{path}" for package, path in runtime.files.values()]
    return {path: root / path for path in inside}


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_bytes())["version"])
