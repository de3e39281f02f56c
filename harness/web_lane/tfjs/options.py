"""What a suite may say of a `web-tfjs` target and of its variants."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.options import Options
from harness.tools.tfjs_page import TfjsBackend, WasmVariant
from harness.web_lane.options import BrowserKeys


class TargetOptions(BrowserKeys):
    """Which browser, and how it is started."""


class VariantOptions(Options):
    """Which back end; of Wasm, which of the three binaries, and how many threads."""

    backend: Annotated[
        TfjsBackend,
        Field(
            description="TF.js' back end: wasm, webgl, webgpu, or cpu (its plain JavaScript); the "
            "row says which GPU it was, and whether that is one in software"
        ),
    ] = "wasm"

    wasm: Annotated[
        WasmVariant | Literal["auto"] | None,
        Field(
            description="the Wasm binary of `backend: wasm`: plain, simd or threaded-simd; `auto` "
            "measures what TF.js takes for a visitor by itself, and the row says which that was"
        ),
    ] = None
    threads: Annotated[
        int | None,
        Field(
            ge=1,
            le=8,
            description="threads of `wasm: threaded-simd`, at most the 8 that TF.js can use",
        ),
    ] = None

    @model_validator(mode="after")
    def _binaries_belong_to_the_wasm_back_end(self) -> Self:
        if self.backend == "wasm" and self.wasm is None:
            message = "say which binary: `wasm: plain`, `simd`, `threaded-simd` or `auto`"
            raise ValueError(message)
        if self.backend != "wasm" and (self.wasm is not None or self.threads is not None):
            message = f"`backend: {self.backend}` has no Wasm: leave `wasm` and `threads` out"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _threads_belong_to_the_threaded_build(self) -> Self:
        if self.wasm == "threaded-simd" and self.threads is None:
            message = "`wasm: threaded-simd` needs `threads`: say how many, from 1 to 8"
            raise ValueError(message)
        if self.wasm not in {None, "threaded-simd"} and self.threads is not None:
            why = "leaves threads to TF.js" if self.wasm == "auto" else "has no threads"
            message = f"`wasm: {self.wasm}` {why}: leave `threads` out, or say "
            message += "`wasm: threaded-simd`"
            raise ValueError(message)
        return self
