"""Drivers and networks for tests of suites; their options are like those of the real lanes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from harness.options import Number, Options
from harness.plugins import Kind, Registry


class WebTarget(Options):
    browser: Annotated[str, Field(description="chromium, chrome, edge or a path")] = "chromium"


class WebVariant(Options):
    wasm: Annotated[
        Literal["plain", "simd", "threaded-simd"], Field(description="which binary must run")
    ]
    threads: Annotated[int | None, Field(ge=1, le=64, description="worker threads")] = None

    @model_validator(mode="after")
    def _threads_need_threads(self) -> WebVariant:
        if self.threads is not None and self.wasm != "threaded-simd":
            raise ValueError("threads: only the threaded-simd binary has threads")
        return self


class PhoneTarget(Options):
    device: Annotated[str, Field(description="virtual, auto, or a serial")] = "auto"
    tool: Annotated[str, Field(description="a name in tools")] = "benchmark_model"


class PhoneVariant(Options):
    threads: Annotated[int, Field(ge=1, le=64, description="CPU threads")] = 1
    xnnpack: Annotated[bool | None, Field(description="null: as the tool decides")] = None
    flags: Annotated[tuple[str, ...], Field(description="further flags of the tool")] = ()


class FakeDriver:
    api_version = 1

    def __init__(self, name: str, format_: str, target: Any, variant: Any) -> None:
        self.name = name
        self.model_format = format_
        self.target_options = target
        self.variant_options = variant

    def bench(self, options: Any) -> str:
        return "host"

    is_virtual = unsupported = open = read = bench


DRIVERS = {
    driver.name: driver
    for driver in (
        FakeDriver("web-tfjs", "tfjs", WebTarget, WebVariant),
        FakeDriver("android-tflite", "tflite", PhoneTarget, PhoneVariant),
    )
}


class NetOptions(Options):
    width: Annotated[Number, Field(gt=0, le=2, description="of every layer")] = 1.0
    depth: Annotated[int, Field(ge=1, description="how many layers")] = 3


NETWORKS = {
    "blazeface_front": SimpleNamespace(
        name="blazeface_front", api_version=1, build=lambda seed: ("blazeface_front", seed)
    ),
    "mobilenet_v2": SimpleNamespace(
        name="mobilenet_v2",
        api_version=1,
        build=lambda seed, options: (seed, options),
        options=NetOptions,
    ),
}


def registry_of(kind: Kind, plugins: dict[str, Any]) -> Registry:
    sources = {name: (lambda plugin=plugin: plugin) for name, plugin in plugins.items()}
    return Registry(kind, sources, dict.fromkeys(plugins, f"harness.{kind}.fake"))


def plugins(kind: Kind) -> Registry:
    if kind == "drivers":
        return registry_of(kind, DRIVERS)
    return registry_of(kind, NETWORKS)
