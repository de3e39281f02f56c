"""The door to the schema of `.tflite` files, generated code that ai-edge-litert ships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.errors import PluginError

FILE_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16  # `data:[ubyte] (force_align: 16)`, which the generated Python code ignores


def schema() -> Any:
    """Return the generated module, with all its classes (`ModelT`, `TensorType`, …).

    Raises:
        PluginError: ai-edge-litert is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise PluginError(
            f".tflite files can be neither written nor read here: {error}",
            hint='pip install "edgebench[litert]"',
        ) from error
    return schema_py_generated


def packed(model: Any) -> bytes:
    """Return the file that a `ModelT` stands for; equal models give equal bytes."""
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


@dataclass(frozen=True, slots=True)
class AlignedBuffer:
    """Takes the place of a `BufferT`; its data lies aligned, so kernels can use it in place."""

    data: bytes = b""

    def Pack(self, builder: Any) -> Any:  # noqa: N802  the generated code calls it so
        """Write this buffer and return its offset."""
        generated = schema()
        if self.data:
            builder.Prep(_ALIGNMENT, len(self.data))
            vector = builder.CreateByteVector(self.data)
        generated.BufferStart(builder)
        if self.data:
            generated.BufferAddData(builder, vector)
        return generated.BufferEnd(builder)
