"""The labelled set of a model with `evaluate:`, and the score of a run's answers to it."""

from __future__ import annotations

from dataclasses import replace

from harness import quality
from harness.errors import HarnessError, SuiteError
from harness.graphs.signature import read_signature
from harness.model import Failed, Failure, Measured, Measurement, Reading, Tensor
from harness.outputs import InputSignature
from harness.plugins import ModelFile, network_options, registry
from harness.quality import LabelledSet
from harness.suite.values import Evaluation, Generated, ModelSource

METRIC_PREFIX = "quality_"


def labelled_set(source: ModelSource, file: ModelFile) -> LabelledSet:
    """Return the first examples of a model's labelled set, in the order of the file's inputs.

    Raises:
        SuiteError: the set cannot be read, does not fit, or the network has none of its own.
    """
    evaluation = source.evaluate
    assert evaluation is not None
    open_shapes = {spec.name: spec.shape for spec in source.inputs if spec.shape}
    signature = read_signature(file, open_shapes)
    if evaluation.labelled is not None:
        found = quality.load_labelled(evaluation.labelled, signature)
    elif source.generated is not None:
        found = _own_set(source.generated, evaluation, signature)
    else:
        raise SuiteError(
            f"`evaluate:` of {source.name!r} names no labelled set",
            hint="give it `set: FILE.npz`; only generated networks have one of their own",
        )
    kept = evaluation.examples
    return replace(found, examples=found.examples[:kept], labels=found.labels[:kept])


def scored(reading: Reading, evaluation: Evaluation, labelled: LabelledSet) -> Reading:
    """Give a quality run its score, with its interval beside it; a failed run stays as it is."""
    if not isinstance(reading.outcome, Measured):
        return reading
    try:
        score = quality.score(evaluation.metric, reading.answers, labelled.labels)
    except HarnessError as error:
        failure = Failure("output-mismatch", f"cannot be scored: {error.message}", error.hint)
        return replace(reading, outcome=Failed(failure))
    measured = Measurement(f"{METRIC_PREFIX}{score.metric}", "1", score.value)
    return replace(
        reading,
        outcome=Measured((measured,)),
        setting={**reading.setting, "labelled_sha256": labelled.sha256},
        conditions={
            **reading.conditions,
            "quality_low": score.low,
            "quality_high": score.high,
            "quality_examples": score.examples,
        },
    )


def _own_set(
    generated: Generated, evaluation: Evaluation, signature: tuple[InputSignature, ...]
) -> LabelledSet:
    network = registry("models").get(generated.network)
    draw = getattr(network, "examples", None)
    if draw is None:
        raise SuiteError(
            f"the network {generated.network!r} has no labelled set of its own",
            hint="give `evaluate:` a `set: FILE.npz`",
        )
    options = generated.options
    if not isinstance(options, network_options(network)):
        options = network_options(network)()
    arrays: tuple[Tensor, ...] = draw(generated.seed, options, evaluation.examples)
    # Formats may name inputs differently, but all have them in the network's order.
    inputs = [tensor for tensor in arrays if tensor.name != quality.LABELS]
    renamed = [
        replace(tensor, name=entry.name) for tensor, entry in zip(inputs, signature, strict=True)
    ]
    labels = [tensor for tensor in arrays if tensor.name == quality.LABELS]
    where = f"network {generated.network}"
    return quality.labelled([*renamed, *labels], signature, where=where)
