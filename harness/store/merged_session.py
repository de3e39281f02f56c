"""The session record of a merged folder: what its sessions agree in, and each of them whole; pure.

It follows from the set of sessions alone, not from the order in which they came together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from harness.errors import CompareError
from harness.model import Cell, Facts, MergedSession, Scalar, SessionRecord, TargetRecord
from harness.store.records import SCHEMA, session_to_bytes

COMMAND = ("edgebench", "merge")

_COMBINED = frozenset(
    {
        "schema",
        "label",
        "started_utc",
        "command",
        "memory_runs",
        "cells",
        "targets",
        "harness",
        "host",
        "models",
        "shard",
        "merged",
    }
)
"""Fields in which the sessions of one plan may differ; every other one must be the same."""

Item = TypeVar("Item", bound=Hashable)


def digest_of_session(session: SessionRecord) -> str:
    """Return the sha256 by which a session is known again, whichever folder holds it."""
    return sha256(session_to_bytes(session)).hexdigest()


def combined(members: Iterable[MergedSession]) -> SessionRecord:
    """Return the record of a folder that holds the runs of these sessions, at least one.

    Raises:
        CompareError: they were not sessions of one plan; the facts that differ are named.
    """
    merged = tuple(sorted(members, key=_place))
    sessions = [each.session for each in merged]
    _check_one_plan(sessions)
    targets = _targets(sessions)
    return dataclasses.replace(
        sessions[0],
        schema=SCHEMA,
        label="+".join(sorted({session.label for session in sessions})),
        command=COMMAND,
        memory_runs=max(session.memory_runs for session in sessions),
        cells=_cells(sessions, targets),
        targets=tuple(targets.values()),
        harness=_harness([session.harness for session in sessions]),
        host=_agreed([session.host for session in sessions]),
        models=_models(sessions),
        shard=None,
        merged=merged,
    )


def in_one_order(chains: Iterable[Sequence[Item]]) -> tuple[Item, ...]:
    """Return every item once, in an order that keeps that of each chain.

    Items that no chain orders stand by their text; so do those of chains that contradict.
    """
    before: dict[Item, set[Item]] = {}
    for chain in chains:
        for place, item in enumerate(chain):
            before.setdefault(item, set()).update(chain[:place])
    order: list[Item] = []
    while before:
        left = [item for item, others in before.items() if not others] or list(before)
        chosen = min(left, key=repr)
        order.append(chosen)
        del before[chosen]
        for others in before.values():
            others.discard(chosen)
    return tuple(order)


def _place(member: MergedSession) -> tuple[str, str, str]:
    session = member.session
    return (session.started_utc, session.label, digest_of_session(session))


def _check_one_plan(sessions: Sequence[SessionRecord]) -> None:
    differing = [
        f"{field.name} ({_told(values)})"
        for field in dataclasses.fields(SessionRecord)
        if field.name not in _COMBINED
        and len(values := _distinct(getattr(session, field.name) for session in sessions)) > 1
    ]
    if differing:
        raise _not_one_plan(f"these sessions are not of one plan: {', '.join(differing)}")


def _targets(sessions: Sequence[SessionRecord]) -> dict[str, TargetRecord]:
    found: dict[str, TargetRecord] = {}
    for target in (target for session in sessions for target in session.targets):
        known = found.setdefault(target.name, target)
        if known != target:
            raise _not_one_plan(
                f"the target {target.name!r} is not the same in these sessions: "
                + ", ".join(_differences(known, target))
            )
    chains = [
        session.shard.targets if session.shard else [target.name for target in session.targets]
        for session in sessions
    ]
    return {name: found[name] for name in in_one_order(chains) if name in found}


def _differences(one: TargetRecord, other: TargetRecord) -> list[str]:
    pairs = [
        (field.name, getattr(one, field.name), getattr(other, field.name))
        for field in dataclasses.fields(TargetRecord)
    ]
    return [f"{name} ({_told(sorted([a, b], key=repr))})" for name, a, b in pairs if a != b]


def _cells(
    sessions: Sequence[SessionRecord], targets: Mapping[str, TargetRecord]
) -> tuple[Cell, ...]:
    cells = {cell for session in sessions for cell in session.cells}
    chains = [dict.fromkeys((c.model, c.file) for c in session.cells) for session in sessions]
    models = in_one_order([tuple(chain) for chain in chains])
    names = list(targets)

    def place(cell: Cell) -> tuple[int, int, int]:
        variants = targets[cell.target].variants
        return (
            models.index((cell.model, cell.file)),
            names.index(cell.target),
            variants.index(cell.variant),
        )

    return tuple(sorted(cells, key=place))


def _agreed(all_facts: Sequence[Facts]) -> Facts:
    names = dict.fromkeys(name for facts in all_facts for name in facts)
    values = {name: _distinct(facts.get(name) for facts in all_facts) for name in names}
    return {name: seen[0] if len(seen) == 1 else None for name, seen in values.items()}


def _harness(all_facts: Sequence[Facts]) -> Facts:
    """Return the facts of all builds that measured: their versions, and whether any was changed."""
    versions = sorted({str(facts["version"]) for facts in all_facts if facts.get("version")})
    changed = {facts.get("dirty") for facts in all_facts}
    dirty = True if True in changed else None if None in changed else False
    return {**_agreed(all_facts), "version": " and ".join(versions) or None, "dirty": dirty}


def _models(sessions: Sequence[SessionRecord]) -> dict[str, Facts]:
    found: dict[str, dict[str, Scalar]] = {}
    for session in sessions:
        for model, facts in session.models.items():
            known = found.setdefault(model, {})
            for name, value in facts.items():
                if name.endswith("_sha256") and known.get(name, value) != value:
                    raise _not_one_plan(
                        f"the model {model} is not the same file in these sessions: {name}",
                        "pin the models with `edgebench lock`; sessions of different files are "
                        "set side by side with `edgebench compare A B`",
                    )
                known.setdefault(name, value)
    return {model: found[model] for model in sorted(found)}


def _distinct(values: Iterable[Any]) -> list[Any]:
    seen: list[Any] = []
    for value in values:
        if value not in seen:
            seen.append(value)
    return seen


def _told(values: Iterable[Any]) -> str:
    return ", ".join(value[:12] if isinstance(value, str) else str(value) for value in values)


def _not_one_plan(message: str, hint: str = "") -> CompareError:
    return CompareError(
        message,
        hint=hint
        or "merge the shards of one plan; other sessions are set side by side with "
        "`edgebench table A B` or `edgebench compare A B`",
    )
