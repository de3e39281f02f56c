"""The TF.js that npm installed, as the web lane measures it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from harness import locations
from harness.drivers.web_tfjs.options import VariantOptions
from harness.errors import RunFailed, TargetNotFound
from harness.model import Facts
from harness.plugins import ModelFile
from harness.tools.measuring_page import RuntimeCall
from harness.tools.tfjs_page import WASM_BINARIES, cpu_argument, wasm_argument, weight_files

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
ADAPTER = "runtimes/tfjs.js"


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

    @property
    def reference_runtime(self) -> str:
        """TF.js' cpu back end and its version."""
        return f"tfjs-cpu {self.version}"

    def served(self, model: ModelFile) -> Mapping[str, Path | bytes]:
        """Return TF.js, all three Wasm binaries with it, and the model.

        Raises:
            RunFailed: the model cannot be read, or is not a graph model.
        """
        try:
            described = model.path.read_bytes()
        except OSError as error:
            raise RunFailed(
                f"the model cannot be read: {error}",
                hint="check the path in the suite",
                kind="model-unavailable",
            ) from error
        contents: dict[str, Path | bytes] = {ADAPTER: _page_file(ADAPTER), **self.files}
        contents["model/model.json"] = described
        for name in weight_files(described):
            contents[f"model/{name}"] = model.path.parent / name
        return contents

    def call(self, url: str, variant: VariantOptions) -> RuntimeCall:
        """Return how the page runs a variant of the Wasm back end."""
        argument = wasm_argument(url, variant.wasm, variant.threads)
        return RuntimeCall((*WASM_SCRIPTS, ADAPTER), argument)

    def reference_call(self, url: str) -> RuntimeCall:
        """Return how the page runs the cpu back end."""
        return RuntimeCall((*CPU_SCRIPTS, ADAPTER), cpu_argument(url))

    def init_scripts(self, variant: VariantOptions) -> Sequence[str]:
        """Have the page see as many cores as TF.js wants for the threads; it halves them."""
        source = _page_file("pretend_cores.js").read_text()
        function = source[source.index("(cores) =>") :].rstrip()
        return [f"({function})({2 * (variant.threads or 0)});"]

    def asked(self, variant: VariantOptions) -> Facts:
        """Return the binary, the back end and the threads; builds without threads count one."""
        binary = WASM_BINARIES[variant.wasm]
        return {
            "wasm_binary": binary,
            "wasm_sha256": self.sha256[f"tfjs/{binary}"],
            "backend": "wasm",
            "threads": variant.threads or 1,
        }

    def subject(self, variant: VariantOptions) -> Facts:
        """Return the version and the hashes of TF.js."""
        binary = WASM_BINARIES[variant.wasm]
        return {
            "tfjs": self.version,
            "tfjs_sha256": self.scripts_sha256,
            "wasm_sha256": self.sha256[f"tfjs/{binary}"],
        }


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


def _page_file(name: str) -> Path:
    return locations.device_scripts() / "web" / name


def _version(package: Path) -> str:
    return str(json.loads((package / "package.json").read_bytes())["version"])
