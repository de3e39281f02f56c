"""The record of a gate survives the disk, and one that is damaged or newer is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.model import Cell
from harness.store.gate_record import (
    GATE,
    Drift,
    EnvironmentChange,
    GateRecord,
    Judgement,
    gate_to_bytes,
    read_gate,
)

CELL = Cell("mobilenet", "fp32", "desk", "simd\ud800")

RECORD = GateRecord(
    suite="nightly",
    decided_utc="2026-11-25T03:00:00+00:00",
    candidate="c" * 64,
    last_good="a" * 64,
    green=False,
    moved=False,
    why_not_moved="a cell regressed",
    judgements=(
        Judgement(CELL, "latency", "regressed", "s", 0.02, 0.022, 0.1, 0.08, 0.12, 0.001, 12, 0.02),
    ),
    environment=(EnvironmentChange("host", "os_build", "1", "2"),),
    drift=(Drift(CELL, 0.01, None, None),),
    max_drift=0.03,
    virtual=("desk",),
)


def test_a_record_is_read_as_it_was_written_even_where_a_name_is_no_text(tmp_path: Path) -> None:
    (tmp_path / GATE).write_bytes(gate_to_bytes(RECORD))
    assert read_gate(tmp_path) == RECORD


def test_a_folder_that_no_gate_judged_has_no_record(tmp_path: Path) -> None:
    assert read_gate(tmp_path) is None


@pytest.mark.parametrize(
    "damaged", [b"", b"[]", b"{}", b'{"schema": 99}', b"\xff", b'{"schema":1}']
)
def test_a_damaged_or_newer_record_is_named(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / GATE).write_bytes(damaged)
    with pytest.raises(StoreError, match=r"record") as caught:
        read_gate(tmp_path)
    assert str(tmp_path / GATE) in caught.value.where
