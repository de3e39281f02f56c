"""A whole run on a phone that plays hot, from the suite to the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from android_parts import needed_litert
from phone_parts import SAYS_WHAT_A_TOOL_SAID, Attached, attached_phone

from harness import cli
from harness.virtual_device.sandbox import properties

SUITE = """\
suite: hot
models:
  blazeface: {{generate: blazeface_front, seed: 7}}
tools:
  script: {{{abi}: {{path: {tool}, sha256: {sha256}}}}}
targets:
  phone:
    driver: android-tflite
    device: "{serial}"
    conditions: {{wait_s: 0, max_cpu_load: 100%, otherwise: {otherwise}}}
    variants:
      cpu-2: {{threads: 2}}
sampling: {{blocks: 2, memory_runs: 1, sustained: 3s}}
"""


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attached]:
    needed_litert()
    with attached_phone(tmp_path / "device", monkeypatch, {}) as attached:
        attached.answers("thermalservice", "Thermal Status: 0", "Thermal Status: 1")
        yield attached


def measured(
    phone: Attached, folder: Path, otherwise: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, Any]]:
    tool = folder / "tool.sh"
    tool.write_text(f"#!/bin/sh\n{SAYS_WHAT_A_TOOL_SAID}\n")
    suite = folder / "hot.yaml"
    abi = properties()["ro.product.cpu.abi"]
    serial = phone.handle.serial
    digest = sha256(tool.read_bytes()).hexdigest()
    suite.write_text(
        SUITE.format(abi=abi, tool=tool, sha256=digest, serial=serial, otherwise=otherwise)
    )
    code = cli.main(["run", str(suite), "--out", str(folder / "out"), "--quiet", "--json"])
    said = capsys.readouterr()
    assert said.out, said.err
    tables = json.loads(said.out)["tables"]
    return code, {table["name"]: table for table in tables}


def test_a_hot_phone_is_marked_in_every_table(
    phone: Attached, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, tables = measured(phone, tmp_path, "mark", capsys)
    assert code == 0
    for name in ("latency", "memory", "sustained"):
        assert "throttled" in json.dumps(tables[name]["rows"])
        assert "thermal status 1 (light)" in json.dumps(tables[name]["notes"])
    assert "Marked throttled: 2 ×" in json.dumps(tables["coverage"]["notes"], ensure_ascii=False)
    assert len(tables["sustained-series"]["rows"]) == 3


def test_a_hot_phone_may_be_refused(
    phone: Attached, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, tables = measured(phone, tmp_path, "refuse", capsys)
    assert code == 1
    coverage = json.dumps(tables["coverage"])
    assert "conditions-refused" in coverage
    assert "thermal status 1 (light) before the run" in coverage
    assert "raise the limit" in coverage
    assert "sustained" not in tables
    assert phone.settings() == {}
