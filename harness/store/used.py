"""What a run used, known by a hash or a commit: model, tool, runtime, inputs, suite, reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.errors import SuiteError
from harness.model import RunResult, SessionRecord

Kind: TypeAlias = Literal["sha256", "commit"]
KINDS: tuple[Kind, ...] = ("sha256", "commit")

READER = "reader"
_HASH_LENGTH = 64
_LEAST_DIGITS = 8
_WRITTEN = re.compile(rf"(sha256|commit):([0-9a-f]{{{_LEAST_DIGITS},{_HASH_LENGTH}}})")


@dataclass(frozen=True, slots=True)
class Used:
    """Something that runs use: the sha256 of a file or a program, or a commit of edgebench."""

    kind: Kind
    digits: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.digits}"

    @property
    def whole(self) -> bool:
        """Whether this names one thing alone: a hash with all its digits."""
        return len(self.digits) == (_HASH_LENGTH if self.kind == "sha256" else 40)


def parse_used(text: str) -> Used:
    """Read `sha256:…` or `commit:…`, with at least eight digits.

    Raises:
        SuiteError: it is neither.
    """
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise SuiteError(
            f"{text!r} names nothing that a run can have used",
            hint="write sha256: and at least 8 digits of the hash of a model, a tool, a .wasm or "
            "a reader, as tables show them, or commit: and those of a commit of edgebench",
        )
    return Used("commit" if found[1] == "commit" else "sha256", found[2])


def roles(used: Used, session: SessionRecord, run: RunResult) -> tuple[str, ...]:
    """Say as what a run used this (`model`, `tool`, `wasm`, `reader`, …); () if it did not."""
    return tuple(
        dict.fromkeys(
            role
            for role, digits in hashes_of(used.kind, session, run)
            if digits.startswith(used.digits)
        )
    )


def whole_names(used: Used, session: SessionRecord, runs: Iterable[RunResult]) -> set[str]:
    """Return the whole hashes of whatever these runs used that begins with these digits."""
    return {
        digits
        for run in runs
        for _, digits in hashes_of(used.kind, session, run)
        if digits.startswith(used.digits)
    }


def hashes_of(kind: Kind, session: SessionRecord, run: RunResult) -> Iterator[tuple[str, str]]:
    """Give every hash of a run, or the commit that read it, after the word for what it is of."""
    # A merged folder has several sessions, each of its own benches.
    session = session.of_bench(run.bench)
    its_own = run.reader_sha256
    session_reader = str(session.harness.get("sha256") or "")
    if kind == "commit":
        # A session that another build went on with has runs of two readers, and one commit.
        if not its_own or its_own == session_reader:
            yield READER, str(session.harness.get("commit") or "")
        return
    yield READER, its_own or session_reader
    yield "suite", session.suite_sha256
    for facts in (run.subject, run.setting, run.conditions):
        for fact, value in facts.items():
            if isinstance(value, str) and len(value) == _HASH_LENGTH:
                yield fact.removesuffix("_sha256"), value
