"""What a new session notes of itself before its first run: `session.json`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeAlias

from harness import plan, store
from harness.cli.folders import shown_command
from harness.memory_plan.model_facts import PlannedModel, planned_model
from harness.model import Facts, Scalar, SessionRecord, TargetRecord
from harness.plan import Plan
from harness.plugins import Driver, ModelFile, ModelFormat
from harness.retries import POLICY
from harness.runner.provenance import harness_facts, host_facts
from harness.suite.expansions import axes_of, origins_of
from harness.suite.values import ModelSource, Target

FileKey: TypeAlias = tuple[str, str]
"""A file of a suite: (model, file)."""


def session_record(
    planned: Plan,
    drivers: Mapping[str, Driver],
    models: Mapping[FileKey, Mapping[ModelFormat, ModelFile]],
    plans: Mapping[FileKey, PlannedModel],
    label: str,
) -> SessionRecord:
    """Return what `session.json` holds: the plan, the models that run, and this host."""
    suite = planned.suite
    twins = {twin.target.name: twin.target for twin in planned.twins}
    used = {run.target.name for run in planned.runs}
    return SessionRecord(
        schema=store.SCHEMA,
        suite=suite.name,
        suite_sha256=digest_of(suite.text),
        label=label,
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shown_command(),
        seed=planned.seed,
        blocks=planned.blocks,
        memory_runs=max(run.target.sampling.memory_runs for run in planned.runs),
        cells=planned.cells,
        targets=tuple(
            _target_record(target, drivers[target.driver])
            for target in (*suite.targets, *twins.values())
            if target.name in used
        ),
        harness=harness_facts(),
        host=host_facts(),
        models=_models_record(planned, models, plans),
        added_blocks=POLICY.added_blocks,
        disturbed_above=suite.sampling.disturbed_above,
        replace_disturbed=suite.sampling.replaced_at_most(planned.blocks),
        axes=axes_of(suite),
        origins=origins_of(suite),
        published=suite.published,
        base_model=suite.base_model,
        shard=planned.shard,
        precision=planned.precision,
        budget_s=planned.budget_s,
        looks=planned.looks,
    )


def _target_record(target: Target, driver: Driver) -> TargetRecord:
    return TargetRecord(
        name=target.name,
        driver=target.driver,
        bench=plan.bench_of(target, driver),
        virtual=(target.phone is not None and target.phone.virtual is not None)
        or driver.is_virtual(target.options),
        variants=tuple(variant.name for variant in target.variants),
        baseline=target.baseline,
        ratios=target.ratios,
        min_effect=target.sampling.min_effect,
        memory_runs=target.sampling.memory_runs,
        extra_passes=target.sampling.extra_passes,
        cooldown_s=target.sampling.cooldown_s,
    )


def _models_record(
    planned: Plan,
    models: Mapping[FileKey, Mapping[ModelFormat, ModelFile]],
    plans: Mapping[FileKey, PlannedModel],
) -> dict[str, Facts]:
    twins = (twin.model for twin in planned.twins)
    sources = {source.key: source for source in (*planned.suite.models, *twins)}
    return {
        "/".join(key): {
            **_file_facts(files),
            **_said_facts(sources[key]),
            **_quality_facts(sources[key]),
            **(plans[key].facts if key in plans else {}),
        }
        for key, files in models.items()
    }


def planned_models(
    models: Mapping[FileKey, Mapping[ModelFormat, ModelFile]],
) -> Mapping[FileKey, PlannedModel]:
    """Return the planned memory of each model's `.tflite`."""
    return {
        key: planned_model(files["tflite"].path if "tflite" in files else None)
        for key, files in models.items()
    }


def _file_facts(files: Mapping[ModelFormat, ModelFile]) -> Facts:
    return {
        f"{format_}_{fact}": value
        for format_, file in files.items()
        for fact, value in (("sha256", file.sha256), ("bytes", file.size_bytes))
    }


def _said_facts(source: ModelSource) -> Facts:
    """Return what the suite says of a model and no file can tell."""
    said = {"licence": source.licence, "source": source.origin}
    return {fact: text for fact, text in said.items() if text}


def _quality_facts(source: ModelSource) -> Facts:
    said, asked = source.quality, source.evaluate
    facts: dict[str, Scalar] = {"evaluate": asked.metric} if asked else {}
    if said is not None:
        facts |= {
            "declared_metric": said.metric,
            "declared_value": said.value,
            "declared_source": said.source,
            "declared_sha256": " ".join(said.sha256),
        }
    return facts


def digest_of(text: str) -> str:
    """Return the sha256 by which a suite's text is known."""
    return sha256(text.encode()).hexdigest()
