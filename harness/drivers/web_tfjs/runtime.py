"""The TF.js that npm installed, and everything that a run's page is served."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness import locations
from harness.errors import RunFailed, TargetNotFound
from harness.model import Tensor
from harness.plugins import ModelFile
from harness.tools.tfjs_page import WASM_BINARIES, input_name, weight_files

_CORE = "tf-core.min.js"
_CONVERTER = "tf-converter.min.js"
_WASM = "tf-backend-wasm.min.js"
_CPU = "tf-backend-cpu.min.js"
_PACKAGES = {
    _CORE: "tfjs-core",
    _CONVERTER: "tfjs-converter",
    _WASM: "tfjs-backend-wasm",
    _CPU: "tfjs-backend-cpu",
    **dict.fromkeys(WASM_BINARIES.values(), "tfjs-backend-wasm"),
}
# In the order in which the page loads them.
WASM_SCRIPTS = tuple(f"tfjs/{name}" for name in (_CORE, _CONVERTER, _WASM))
CPU_SCRIPTS = tuple(f"tfjs/{name}" for name in (_CORE, _CONVERTER, _CPU))
PAGE = "bench.html"


@dataclass(frozen=True, slots=True)
class TfjsRuntime:
    """TF.js on this disk: its version, its files by served name, and their hashes."""

    version: str
    files: Mapping[str, Path]
    sha256: Mapping[str, str]

    @property
    def scripts_sha256(self) -> str:
        """One hash over the scripts that the Wasm lane loads, in their order."""
        digests = "\n".join(self.sha256[name] for name in WASM_SCRIPTS)
        return sha256(digests.encode()).hexdigest()


def installed_tfjs() -> TfjsRuntime:
    """Return the installed TF.js.

    Raises:
        TargetNotFound: tfjs-missing: it, or one of its files, is not there.
    """
    root = locations.node_modules() / "@tensorflow"
    files = {f"tfjs/{name}": root / package / "dist" / name for name, package in _PACKAGES.items()}
    try:
        versions = {_version(root / package) for package in _PACKAGES.values()}
        hashes = {name: sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise TargetNotFound(
            f"TF.js is not installed, or not whole: {error}",
            hint="run: make setup (or `npm ci` beside package.json)",
            kind="tfjs-missing",
        ) from error
    if len(versions) != 1:
        raise TargetNotFound(
            f"the packages of TF.js have different versions: {', '.join(sorted(versions))}",
            hint="run: make setup (or `npm ci` beside package.json)",
            kind="tfjs-missing",
        )
    return TfjsRuntime(versions.pop(), files, hashes)


def served_to_a_run(
    runtime: TfjsRuntime, model: ModelFile, input_sets: Sequence[Sequence[Tensor]]
) -> dict[str, Path | bytes]:
    """Return everything that a run's page may fetch, by served name.

    All three Wasm binaries are there: what a page takes is for it to choose, and for us to see.

    Raises:
        RunFailed: the model cannot be read, or is not a graph model.
    """
    page = locations.device_scripts() / "web"
    contents: dict[str, Path | bytes] = {name: page / name for name in (PAGE, "bench.js")}
    contents |= runtime.files
    try:
        described = model.path.read_bytes()
    except OSError as error:
        raise RunFailed(
            f"the model cannot be read: {error}",
            hint="check the path in the suite",
            kind="model-unavailable",
        ) from error
    contents["model/model.json"] = described
    for name in weight_files(described):
        contents[f"model/{name}"] = model.path.parent / name
    for number, tensors in enumerate(input_sets):
        for position, tensor in enumerate(tensors):
            contents[input_name(number, position)] = tensor.data
    return contents


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_bytes())["version"])
