"""The TF.js that npm installed, as the web lane measures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import RunFailed, TargetNotFound
from harness.model import Facts
from harness.plugins import ModelFile
from harness.tools.measuring_page import RuntimeCall
from harness.tools.tfjs_page import (
    WASM_BINARIES,
    TfjsBackend,
    plain_argument,
    read_model_json,
    wasm_argument,
)
from harness.web_lane.packages import InstalledFiles, Runtime, installed
from harness.web_lane.page_scripts import page_files, pretend_cores
from harness.web_lane.tfjs.options import VariantOptions

_CORE = "tf-core.min.js"
_CONVERTER = "tf-converter.min.js"
_LAYERS = "tf-layers.min.js"
_WASM = "tf-backend-wasm.min.js"
_CPU = "tf-backend-cpu.min.js"


def _script(backend: str) -> str:
    return f"tf-backend-{backend}.min.js"


_PACKAGES = {
    _CORE: "core",
    _CONVERTER: "converter",
    _LAYERS: "layers",
    _WASM: "backend-wasm",
    _CPU: "backend-cpu",
    **dict.fromkeys(WASM_BINARIES.values(), "backend-wasm"),
}
TFJS = Runtime(
    label="TF.js",
    kind="tfjs-missing",
    bring="make setup (or `npm ci` beside package.json)",
    files={
        f"tfjs/{name}": (f"@tensorflow/tfjs-{package}", f"dist/{name}")
        for name, package in _PACKAGES.items()
    },
)
_GPU_RUNTIMES = {
    backend: Runtime(
        label=f"TF.js' {backend} back end",
        kind="runtime-missing",
        bring="make runtimes",
        files={
            f"tfjs/{_CORE}": ("@tensorflow/tfjs-core", f"dist/{_CORE}"),
            f"tfjs/{_script(backend)}": (
                f"@tensorflow/tfjs-backend-{backend}",
                f"dist/{_script(backend)}",
            ),
        },
    )
    for backend in ("webgl", "webgpu")
}
RUNTIMES = (TFJS, *_GPU_RUNTIMES.values())
"""TF.js, and the back ends that are installed apart."""

ADAPTER = "runtimes/tfjs.js"


@dataclass(frozen=True, slots=True)
class TfjsRuntime:
    """TF.js as npm installed it; see `harness.web_lane.runtime.PageRuntime`.

    With `layers` it loads what layers models need beside what graph models do; `gpu` are the
    back ends that are installed apart, by name.
    """

    files: InstalledFiles
    gpu: Mapping[str, InstalledFiles] = field(default_factory=dict)
    layers: bool = False

    @property
    def reference_runtime(self) -> str:
        """TF.js' cpu back end and its version."""
        return f"tfjs-cpu {self.files.version}"

    @property
    def wasm_scripts(self) -> tuple[str, ...]:
        """The served names of what the Wasm back end loads, in that order."""
        return self._scripts(_WASM)

    def for_model(self, model: ModelFile) -> TfjsRuntime:
        """Return TF.js with what this model needs.

        Raises:
            RunFailed: the model cannot be read, or is neither a graph nor a layers model.
        """
        return replace(self, layers=read_model_json(_model_json(model)).layers)

    def served(self, model: ModelFile) -> Mapping[str, Path | bytes]:
        """Return TF.js, all three Wasm binaries with it, and the model.

        Raises:
            RunFailed: the model cannot be read, or is neither a graph nor a layers model.
        """
        described = _model_json(model)
        contents: dict[str, Path | bytes] = {**page_files(ADAPTER), **self.files.paths}
        for installed_apart in self.gpu.values():
            contents |= installed_apart.paths
        if not self.layers:
            del contents[f"tfjs/{_LAYERS}"]
        contents["model/model.json"] = described
        for name in read_model_json(described).weight_files:
            contents[f"model/{name}"] = model.path.parent / name
        return contents

    def call(self, url: str, variant: VariantOptions) -> RuntimeCall:
        """Return how the page runs a variant.

        Raises:
            RunFailed: runtime-missing: its back end is not installed.
        """
        backend = variant.backend
        if variant.wasm is None:
            if backend in _GPU_RUNTIMES and backend not in self.gpu:
                raise RunFailed(
                    f"{_GPU_RUNTIMES[backend].label} is not installed, or is of another version",
                    hint=f"run: {_GPU_RUNTIMES[backend].bring}",
                    kind="runtime-missing",
                )
            argument = plain_argument(url, backend, layers=self.layers)
            return RuntimeCall((*self._backend_scripts(backend), ADAPTER), argument)
        argument = wasm_argument(url, variant.wasm, variant.threads, layers=self.layers)
        return RuntimeCall((*self.wasm_scripts, ADAPTER), argument)

    def reference_call(self, url: str) -> RuntimeCall:
        """Return how the page runs the cpu back end."""
        argument = plain_argument(url, "cpu", layers=self.layers)
        return RuntimeCall((*self._backend_scripts("cpu"), ADAPTER), argument)

    def init_scripts(self, variant: VariantOptions) -> Sequence[str]:
        """Have the page see as many cores as TF.js wants for the threads; it halves them."""
        if variant.wasm in {None, "auto"}:
            return ()
        return [pretend_cores(2 * (variant.threads or 0))]

    def asked(self, variant: VariantOptions) -> Facts:
        """Return the binary, the back end and the threads; builds without threads count one.

        `auto` asks for no binary, but that nothing was forced; a GPU must tell what it is, and
        back ends other than Wasm must have been served none.
        """
        if variant.wasm is None:
            on_gpu = {"gpu_told": True} if variant.backend in _GPU_RUNTIMES else {}
            return {"backend": variant.backend, "wasm_binary": None, **on_gpu}
        if variant.wasm == "auto":
            return {"backend": "wasm", "as_shipped": True}
        binary = WASM_BINARIES[variant.wasm]
        return {
            "wasm_binary": binary,
            "wasm_sha256": self.files.sha256[f"tfjs/{binary}"],
            "backend": "wasm",
            "threads": variant.threads or 1,
        }

    def subject(self, variant: VariantOptions) -> Facts:
        """Return the version and the hashes of TF.js; the binary of `auto` is known afterwards."""
        if variant.wasm is None:
            return {
                "tfjs": self.files.version,
                "tfjs_sha256": self._all.digest(self._backend_scripts(variant.backend)),
            }
        facts = {"tfjs": self.files.version, "tfjs_sha256": self.files.digest(self.wasm_scripts)}
        if variant.wasm == "auto":
            return facts
        binary = WASM_BINARIES[variant.wasm]
        return {**facts, "wasm_sha256": self.files.sha256[f"tfjs/{binary}"]}

    @property
    def _all(self) -> InstalledFiles:
        hashes = dict(self.files.sha256)
        for installed_apart in self.gpu.values():
            hashes |= installed_apart.sha256
        return replace(self.files, sha256=hashes)

    def _backend_scripts(self, backend: TfjsBackend) -> tuple[str, ...]:
        # As in the package of everything: what a GPU back end does not do itself, cpu does.
        return self._scripts(_CPU, *((_script(backend),) if backend in self.gpu else ()))

    def _scripts(self, *backends: str) -> tuple[str, ...]:
        names = (_CORE, _CONVERTER, *((_LAYERS,) if self.layers else ()), *backends)
        return tuple(f"tfjs/{name}" for name in names)


def installed_tfjs(root: Path | None = None) -> TfjsRuntime:
    """Return the TF.js that is installed in `root`, by default where npm puts it.

    Raises:
        TargetNotFound: tfjs-missing: it, or one of its files, is not there.
    """
    gpu = {}
    for backend, runtime in _GPU_RUNTIMES.items():
        with suppress(TargetNotFound):
            gpu[backend] = installed(runtime, root)
    return TfjsRuntime(installed(TFJS, root), gpu)


def _model_json(model: ModelFile) -> bytes:
    try:
        return model.path.read_bytes()
    except OSError as error:
        raise RunFailed(
            f"the model cannot be read: {error}",
            hint="check the path in the suite",
            kind="model-unavailable",
        ) from error
