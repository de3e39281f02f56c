"""The suite keys by which a model's quality stands beside its speed."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from harness.options import Number, Options
from harness.quality import METRIC_PATTERN, MOST_EXAMPLES, is_metric


def _known_metric(text: str) -> str:
    if not is_metric(text):
        raise ValueError(f"a measured metric is accuracy, f1 or recall@K, not {text[:40]!r}")
    return text


def _digests(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class QualityKeys(Options):
    """A quality that somebody declares of one file, with where the number is from."""

    metric: Annotated[str, Field(min_length=1, description="what was measured, such as f1")]
    value: Annotated[Number, Field(description="the number, in the metric's own unit")]
    source: Annotated[str, Field(min_length=1, description="where the number is from")]
    sha256: Annotated[
        Annotated[list[_Digest], Field(min_length=1)],
        BeforeValidator(_digests, json_schema_input_type=_Digest | list[_Digest]),
        Field(
            description="the file that it was measured on, or several of one model's formats; "
            "another file has no declared quality, and the table says which hash was seen"
        ),
    ]


class EvaluateKeys(Options):
    """A pass that runs a small labelled set through each cell's own runtime."""

    metric: Annotated[
        str,
        AfterValidator(_known_metric),
        WithJsonSchema({"type": "string", "pattern": METRIC_PATTERN}),
        Field(description="accuracy, f1 or recall@K, of the model's first output"),
    ]
    set: Annotated[
        str | None,
        Field(
            min_length=1,
            description="an `.npz` file with an array per input and whole-number `labels`; left "
            "out: the seeded set of the generated network, if it has one",
        ),
    ] = None
    examples: Annotated[
        int,
        Field(ge=1, le=MOST_EXAMPLES, description="at most this many examples, the first ones"),
    ] = 100
