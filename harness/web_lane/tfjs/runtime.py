"""The TF.js that npm installed, as the web lane measures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RunFailed
from harness.model import Facts
from harness.plugins import ModelFile
from harness.tools.measuring_page import RuntimeCall
from harness.tools.tfjs_page import WASM_BINARIES, cpu_argument, wasm_argument, weight_files
from harness.web_lane.packages import InstalledFiles, Runtime, installed
from harness.web_lane.page_scripts import page_files, pretend_cores
from harness.web_lane.tfjs.options import VariantOptions

_CORE = "tf-core.min.js"
_CONVERTER = "tf-converter.min.js"
_WASM = "tf-backend-wasm.min.js"
_CPU = "tf-backend-cpu.min.js"
_PACKAGES = {
    _CORE: "core",
    _CONVERTER: "converter",
    _WASM: "backend-wasm",
    _CPU: "backend-cpu",
    **dict.fromkeys(WASM_BINARIES.values(), "backend-wasm"),
}
_RUNTIME = Runtime(
    label="TF.js",
    kind="tfjs-missing",
    bring="make setup (or `npm ci` beside package.json)",
    files={
        f"tfjs/{name}": (f"@tensorflow/tfjs-{package}", f"dist/{name}")
        for name, package in _PACKAGES.items()
    },
)
# In the order in which the page loads them.
WASM_SCRIPTS = tuple(f"tfjs/{name}" for name in (_CORE, _CONVERTER, _WASM))
CPU_SCRIPTS = tuple(f"tfjs/{name}" for name in (_CORE, _CONVERTER, _CPU))
ADAPTER = "runtimes/tfjs.js"


@dataclass(frozen=True, slots=True)
class TfjsRuntime:
    """TF.js as npm installed it; see `harness.web_lane.runtime.PageRuntime`."""

    files: InstalledFiles

    @property
    def reference_runtime(self) -> str:
        """TF.js' cpu back end and its version."""
        return f"tfjs-cpu {self.files.version}"

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
        contents: dict[str, Path | bytes] = {**page_files(ADAPTER), **self.files.paths}
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
        return [pretend_cores(2 * (variant.threads or 0))]

    def asked(self, variant: VariantOptions) -> Facts:
        """Return the binary, the back end and the threads; builds without threads count one."""
        binary = WASM_BINARIES[variant.wasm]
        return {
            "wasm_binary": binary,
            "wasm_sha256": self.files.sha256[f"tfjs/{binary}"],
            "backend": "wasm",
            "threads": variant.threads or 1,
        }

    def subject(self, variant: VariantOptions) -> Facts:
        """Return the version and the hashes of TF.js."""
        binary = WASM_BINARIES[variant.wasm]
        return {
            "tfjs": self.files.version,
            "tfjs_sha256": self.files.digest(WASM_SCRIPTS),
            "wasm_sha256": self.files.sha256[f"tfjs/{binary}"],
        }


def installed_tfjs() -> TfjsRuntime:
    """Return the installed TF.js.

    Raises:
        TargetNotFound: tfjs-missing: it, or one of its files, is not there.
    """
    return TfjsRuntime(installed(_RUNTIME))
