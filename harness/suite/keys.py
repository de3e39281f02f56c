"""The keys of a suite file, typed and described; drivers add their own to targets and variants.

These classes say which keys there are and what each may hold. What keys must fit together
stands in `rules`, since it can be told even where other keys are wrong.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from harness.options import Number, Options, Sampling
from harness.outputs import TOLERANCES, Precision
from harness.plugins import ToolKind
from harness.suite.finish_keys import OnFinishValue
from harness.suite.gate_keys import GateKeys
from harness.suite.given import Given, Text
from harness.suite.model_keys import BesideItsFiles
from harness.suite.published_keys import PublishedKeys
from harness.suite.quality_keys import EvaluateKeys, QualityKeys

Abi: TypeAlias = Literal["arm64-v8a", "armeabi-v7a", "x86_64", "x86", "riscv64"]
ABIS: tuple[Abi, ...] = get_args(Abi)

NAME_LENGTH = 64
_NAME_BYTES = 200
_NAME_PATTERN = r"^[^/\\,=\s.\-]([^/\\,=]*[^/\\,=\s])?$"


def _name(text: str) -> str:
    if not text or text != text.strip():
        raise ValueError("a name is not empty and has no space at its ends")
    if unusable := next((c for c in text if not c.isprintable() or c in "/\\,="), None):
        shown = unusable if unusable.isprintable() else f"U+{ord(unusable):04X}"
        raise ValueError(f"a name has no {shown} in it: names stand in options and file names")
    if text[0] in ".-":
        raise ValueError(f"a name does not begin with {text[0]}")
    if len(text) > NAME_LENGTH or len(text.encode()) > _NAME_BYTES:
        raise ValueError(f"a name has at most {NAME_LENGTH} characters, this has {len(text)}")
    return text


Name = Annotated[
    str,
    AfterValidator(_name),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": NAME_LENGTH, "pattern": _NAME_PATTERN}
    ),
]

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def _sha256(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError(f"a sha256 has 64 hexadecimal digits, not {text[:70]!r}")
    return text.lower()


Sha256 = Annotated[
    str,
    AfterValidator(_sha256),
    WithJsonSchema({"type": "string", "pattern": f"^{_SHA256.pattern}$"}),
]


def is_url(text: str) -> bool:
    """Tell a URL from a path: it begins with http:// or https://."""
    return text.startswith(("http://", "https://"))


class SourceKeys(Options):
    """A file by path or by URL; a text alone is short for `path:` or `url:`."""

    path: Annotated[
        Text | None,
        Given,
        Field(description="a file on this host; relative paths count from the suite's folder"),
    ] = None
    url: Annotated[Text | None, Given, Field(description="an http:// or https:// address")] = None
    sha256: Annotated[
        Sha256 | None,
        Given,
        Field(description="what the file must be; URLs and tools need it: `edgebench lock`"),
    ] = None


class ToolSourceKeys(SourceKeys):
    """A program for one ABI by path or by URL; a text alone is short for `path:` or `url:`."""

    abi: Annotated[
        Abi | None,
        Given,
        Field(description="the ABI that `edgebench lock` read in the file; equals its key"),
    ] = None


def _spelled_out(value: Any) -> Any:
    if isinstance(value, str):
        return {"url" if is_url(value) else "path": value}
    if not isinstance(value, dict | SourceKeys):
        raise PydanticCustomError("expected", "expected a path, a URL, or the keys path or url")
    return value


Source = Annotated[
    SourceKeys, BeforeValidator(_spelled_out, json_schema_input_type=Text | SourceKeys)
]
ToolSource = Annotated[
    ToolSourceKeys, BeforeValidator(_spelled_out, json_schema_input_type=Text | ToolSourceKeys)
]


def _build(abi: Abi) -> Any:
    return Field(None, alias=abi, description=f"the build for {abi}")


class ToolKeys(Options):
    """A program that targets run: one build per ABI, each with a sha256 of its own."""

    arm64_v8a: Annotated[ToolSource | None, Given] = _build("arm64-v8a")
    armeabi_v7a: Annotated[ToolSource | None, Given] = _build("armeabi-v7a")
    x86_64: Annotated[ToolSource | None, Given] = _build("x86_64")
    x86: Annotated[ToolSource | None, Given] = _build("x86")
    riscv64: Annotated[ToolSource | None, Given] = _build("riscv64")
    sha256: Annotated[
        Sha256 | None,
        Given,
        Field(description="what the build must be, where there is only one and it is a text"),
    ] = None
    kind: Annotated[
        ToolKind,
        Field(
            description="which program it is: TFLite's `benchmark_model`, or LiteRT's tool that "
            "goes by the same name; a run whose output shows the other has failed"
        ),
    ] = "benchmark_model"

    @property
    def builds(self) -> dict[Abi, ToolSourceKeys]:
        """The builds that are given, by ABI."""
        given = {abi: getattr(self, abi.replace("-", "_")) for abi in ABIS}
        return {abi: build for abi, build in given.items() if build is not None}


class InputKeys(Options):
    """What one input is fed: seeded numbers within `range`, or the bytes of `file`."""

    shape: Annotated[
        Annotated[list[Annotated[int, Field(ge=1, lt=2**31)]], Field(max_length=8)] | None,
        Given,
        Field(description="its shape; left out: as the model says"),
    ] = None
    dtype: Annotated[
        Literal[
            "float16",
            "float32",
            "float64",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "bool",
        ]
        | None,
        Given,
        Field(description="its number type; left out: as the model says"),
    ] = None
    range: Annotated[
        Annotated[list[Number], Field(min_length=2, max_length=2)] | None,
        Given,
        Field(
            description="[lowest, highest] of the seeded random numbers; left out: by number type",
        ),
    ] = None
    file: Annotated[
        Text | None,
        Given,
        Field(description="raw little-endian numbers, row-major; instead of `range`"),
    ] = None


_Tolerance = Annotated[Number, Field(gt=0)]
_DEFAULT_TOLERANCES = ", ".join(f"{name} {value:g}" for name, value in TOLERANCES.items())


class FileKeys(Options):
    """One of several files of a model; a generated one has none of the formats."""

    tflite: Annotated[Source | None, Given, Field(description="its `.tflite` file")] = None
    tfjs: Annotated[
        Source | None,
        Given,
        Field(description="its TF.js `model.json`, the weight files beside it"),
    ] = None
    onnx: Annotated[Source | None, Given, Field(description="its `.onnx` file")] = None
    tolerance: Annotated[
        _Tolerance | None,
        Given,
        Field(
            description="largest max abs(a - b) / max abs(reference) that passes; left out: by "
            f"the file's name ({_DEFAULT_TOLERANCES}; any other as fp32)"
        ),
    ] = None
    quality: Annotated[
        QualityKeys | None, Given, Field(description="its declared quality, see below")
    ] = None


def _listed_files(value: Any) -> Any:
    if isinstance(value, list):
        # What is wrong in a list is told by the rules, which know where each name stands.
        return {name if isinstance(name, str) else "?": FileKeys() for name in value}
    if not isinstance(value, dict):
        raise PydanticCustomError("expected", "expected a list of names, or names with keys")
    return value


Files = Annotated[
    dict[Name, FileKeys],
    BeforeValidator(_listed_files, json_schema_input_type=list[Precision] | dict[Name, FileKeys]),
    Field(min_length=1),
]


class ModelKeys(FileKeys, BesideItsFiles):
    """A model: built here (`generate`), or files by format (`tflite`, `tfjs`, `onnx`)."""

    generate: Annotated[
        Text | dict[str, Any] | None,
        Given,
        Field(
            description="build this network with seeded weights, in every format: its name, or "
            "`{network: NAME, …}` with options of its own, see below"
        ),
    ] = None
    seed: Annotated[
        int, Field(ge=0, lt=2**63, description="draws the weights of a generated model")
    ] = 1
    file: Annotated[
        Name,
        Field(description="what the one file is called that `tflite`, `tfjs` and `onnx` name"),
    ] = "fp32"
    files: Annotated[
        Files | None,
        Given,
        Field(
            description="several files of one model, which become rows of one table: of a "
            "generated model a list of fp32, fp16, dynamic and int8; else name → a file, see below"
        ),
    ] = None
    inputs: Annotated[
        dict[Text, InputKeys],
        Field(description="input name → what it is fed; left out: as the model's signature says"),
    ] = Field(default_factory=dict)
    reference: Annotated[
        Text,
        Field(
            description="what outputs are checked against: `cpu`, the runtime's own reference "
            "kernels, or an `.npz` file with the outputs in order"
        ),
    ] = "cpu"
    evaluate: Annotated[
        EvaluateKeys | None,
        Given,
        Field(description="adds a pass of one run per cell that measures quality, see below"),
    ] = None


SUITE_WIDE = {
    "blocks": "a block holds one run of every cell, so all targets share their number",
    "precision": "a block holds one run of every cell, so all targets share their number",
    "budget": "a bench has one, for all targets that stand on it",
    "seed": "one seed orders the runs of all targets",
    "disturbed_above": "a block is disturbed, or not, for all targets that have a run in it",
    "replace_disturbed": "a block holds one run of every cell, so it is replaced for all targets",
}
"""The sampling keys that no target may override, and why."""


class TargetKeys(Options):
    """A place to run; its driver adds keys of its own here and in `variants`."""

    driver: Annotated[Text, Field(description="which driver runs it: `edgebench drivers`")]
    variants: Annotated[
        dict[Name, dict[str, Any]],
        Field(min_length=1, description="name → the driver's options of that variant"),
    ]
    baseline: Annotated[
        Name | None, Given, Field(description="the variant that each other is compared to")
    ] = None
    ratios: Annotated[
        list[Text],
        Field(description="further comparisons, each `VARIANT/VARIANT`: the first over the second"),
    ] = Field(default_factory=list)
    sampling: Annotated[
        Sampling | None,
        Given,
        Field(description="overrides the suite's sampling here, where a key allows it"),
    ] = None


_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def time_of_day(text: str) -> str:
    """Return a time of day as it was written, `HH:MM`; raises ValueError if it is none."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"a time of day is written like 06:30, not {text[:20]!r}")
    return text


TimeOfDay = Annotated[
    str,
    AfterValidator(time_of_day),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME.pattern}$"}),
]


class SuiteKeys(Options):
    """A suite: which models run where, and how often."""

    suite: Annotated[Name, Field(description="its name, also that of its folder of results")]
    models: Annotated[
        dict[Name, ModelKeys], Field(min_length=1, description="name → a model, see below")
    ]
    targets: Annotated[
        dict[Name, dict[str, Any]], Field(min_length=1, description="name → a target, see below")
    ]
    tools: Annotated[
        dict[Name, ToolKeys],
        Field(description="name → a program that targets run, see below"),
    ] = Field(default_factory=dict)
    sampling: Annotated[Sampling, Field(description="how much is measured, see below")] = Sampling()
    base_model: Annotated[
        Name | None,
        Given,
        Field(
            description="the model that every other is compared to; all models then share blocks, "
            "so that their times are ratios too"
        ),
    ] = None
    published: Annotated[
        list[PublishedKeys],
        Field(description="figures of others, shown beside what is measured and marked as theirs"),
    ] = Field(default_factory=list)
    plan_memory: Annotated[
        bool,
        Field(description="set planned memory of `.tflite` files beside what is measured"),
    ] = False
    until: Annotated[
        TimeOfDay | None,
        Given,
        Field(
            description="a session ends at this local time, such as 06:30, when the block under "
            "way is done; what is left is stored as skipped"
        ),
    ] = None
    on_finish: Annotated[
        OnFinishValue | None,
        Given,
        Field(
            description="a command that gets the digest of each session of `run`, `serve` or "
            "`gate` when it has ended, see below"
        ),
    ] = None
    gate: Annotated[GateKeys, Field(description="what `edgebench gate` judges by, see below")] = (
        GateKeys()
    )
