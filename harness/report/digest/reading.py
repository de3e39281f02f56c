"""Which sessions a digest is of, and what they are told against: found in result folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import store
from harness.errors import StoreError
from harness.model import ResultFolder, RunResult, SessionRecord
from harness.report.digest.sessions import digest_session
from harness.report.digest.values import Digest, SessionDigest, Unreadable
from harness.store.folder import SESSION, folders_below
from harness.store.gate_record import GateRecord, read_gate

EARLIER_SESSIONS = 7
"""So many sessions of a suite are looked back over; a bench that none of them had is new."""


@dataclass(frozen=True, slots=True)
class _Session:
    path: Path
    record: SessionRecord


def digest_of(paths: Sequence[Path]) -> Digest:
    """Return the digest of these result folders, and of the latest session of each suite below.

    Raises:
        StoreError: nothing is found at one of the paths.
    """
    unreadable: list[Unreadable] = []
    chosen: list[Path] = []
    for path in paths:
        found, damaged = _sessions(_below(path))
        unreadable += damaged
        chosen += _latest(found)
    digests = []
    for path in dict.fromkeys(chosen):
        read, damaged = digest_of_session(path)
        digests += [read] if read else []
        unreadable += damaged
    return Digest(
        tuple(sorted(digests, key=lambda each: not each.red)), tuple(dict.fromkeys(unreadable))
    )


def digest_of_session(path: Path) -> tuple[SessionDigest | None, list[Unreadable]]:
    """Return the digest of one result folder, None if it cannot be read, and what cannot.

    It is told against the sessions of the same suite beside it.
    """
    unreadable: list[Unreadable] = []
    try:
        folder = store.read(path)
    except StoreError as error:
        return None, [_why(path, error)]
    gate: GateRecord | None = None
    try:
        gate = read_gate(path)
    except StoreError as error:
        unreadable.append(_why(path, error))
    confirming = _confirming(path, gate)
    earlier = _earlier(path, folder.session)
    return digest_session(folder, gate, earlier, confirming), unreadable


def _confirming(path: Path, gate: GateRecord | None) -> tuple[RunResult, ...]:
    """Return the fresh runs by which a gate confirmed what it found, from a folder below."""
    if gate is None or not gate.confirmation:
        return ()
    try:
        return store.read(path / gate.confirmation).runs
    except StoreError:
        # Only hours are told of them; what they decided stands in the gate's record.
        return ()


def _latest(found: Sequence[_Session]) -> list[Path]:
    """Return the latest session of each suite; of one that is a shard, those beside it too."""
    merged = {
        (part.session.started_utc, part.session.label)
        for each in found
        for part in each.record.merged
    }
    of_suite: dict[str, list[_Session]] = {}
    for each in found:
        if (each.record.started_utc, each.record.label) not in merged:
            of_suite.setdefault(each.record.suite, []).append(each)
    chosen: dict[object, Path] = {}
    for suite, own in of_suite.items():
        plan = own[-1].record.shard
        for each in own if plan else own[-1:]:
            shard = each.record.shard
            if plan is None or (shard is not None and shard.benches == plan.benches):
                chosen[suite, _part(each.record)] = each.path
    return list(chosen.values())


def _part(session: SessionRecord) -> tuple[int, int] | None:
    """Tell which shard of how many a session was; None is all of them."""
    shard = session.shard
    return None if shard is None else (shard.index, shard.count)


def _below(path: Path) -> list[Path]:
    found = list(folders_below(path))
    if not found:
        store.read_session(path)
    return found


def _earlier(path: Path, session: SessionRecord) -> list[ResultFolder]:
    """Return the sessions beside one that are of its suite and began before it, newest first."""
    beside = [each.parent for each in path.absolute().parent.glob(f"*/{SESSION}")]
    found, _ = _sessions(beside)
    before = [
        each
        for each in found
        if each.record.suite == session.suite
        and _part(each.record) == _part(session)
        and each.record.started_utc < session.started_utc
        and each.path != path.absolute()
    ]
    read: list[ResultFolder] = []
    for each in reversed(before[-EARLIER_SESSIONS:]):
        try:
            read.append(store.read(each.path))
        except StoreError:
            # Its own digest told of it; there is nothing to compare with here.
            continue
    return read


def _sessions(paths: Iterable[Path]) -> tuple[list[_Session], list[Unreadable]]:
    """Return sessions by when they began, and the folders that cannot be read."""
    found: list[_Session] = []
    unreadable: list[Unreadable] = []
    for path in paths:
        try:
            found.append(_Session(path, store.read_session(path)))
        except StoreError as error:
            unreadable.append(_why(path, error))
    found.sort(key=lambda each: (each.record.started_utc, str(each.path)))
    return found, unreadable


def _why(path: Path, error: StoreError) -> Unreadable:
    return Unreadable(str(path), str(error), error.hint)
