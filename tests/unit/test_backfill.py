"""A backfill runs the old suite with a new build in the place of one that the suite names."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from harness.cli import backfill_builds
from harness.cli.backfill_builds import runtimes_in, with_runtime, with_tools
from harness.errors import SuiteError
from harness.suite.load import parse
from harness.suite.values import Suite

SUITE = f"""
suite: s
models: {{net: {{generate: blazeface_front}}}}
tools:
  bench:
    x86_64: {{path: old, sha256: {"1" * 64}}}
    arm64-v8a: {{path: phone, sha256: {"2" * 64}}}
targets:
  d: {{driver: android-tflite, device: virtual, tool: bench, variants: {{one: {{threads: 1}}}}}}
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return parse(SUITE, tmp_path / "suite.yaml")


def test_one_build_is_replaced_and_pinned_by_its_own_hash(suite: Suite, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_bytes(b"#!/bin/sh\n")
    changed = with_tools(suite, [f"bench/x86_64={new}"])
    found = {tool.abi: tool for tool in changed.tools}
    assert found["x86_64"].source.path == new
    assert found["x86_64"].source.sha256 == sha256(b"#!/bin/sh\n").hexdigest()
    assert found["arm64-v8a"] == {tool.abi: tool for tool in suite.tools}["arm64-v8a"]
    assert found["x86_64"].kind == suite.tools[0].kind


def test_a_programs_own_header_says_which_build_it_replaces(suite: Suite, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\0" + b"\xb7\0" + b"\0" * 8)
    changed = with_tools(suite, [f"bench={new}"])
    assert {t.abi for t in changed.tools if t.source.path == new} == {"arm64-v8a"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("bench", "does not understand"),
        ("bench=", "does not understand"),
        ("bench=nowhere", "cannot be read"),
        ("other/x86_64=.here", "has no tool other/x86_64"),
        ("bench/riscv64=.here", "has no tool bench/riscv64"),
        ("bench=.here", "no ELF program"),
    ],
)
def test_what_replaces_nothing_is_refused(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".here").write_bytes(b"#!/bin/sh and more than twenty bytes\n")
    with pytest.raises(SuiteError, match=said):
        with_tools(suite, [given])


class FromNpm:
    """A driver whose page runs one package of npm."""

    def runtime_files(self) -> dict[str, Path]:
        names = ("@x/core/package.json", "@x/core/core.js")
        return {name: Path("installed") / name for name in names}


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(backfill_builds, "driver", lambda name: FromNpm())
    package = tmp_path / "node_modules" / "@x" / "core"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "9.8.7"}')
    return tmp_path / "node_modules"


def test_another_runtime_stands_in_the_place_of_the_installed_one(suite: Suite, npm: Path) -> None:
    changed = with_runtime(suite, npm)
    (target,) = changed.targets
    assert target.kept is not None
    assert target.kept.runtime == npm
    assert runtimes_in(changed) == {"runtime of android-tflite": "9.8.7"}
    assert runtimes_in(suite) == {}


def test_a_folder_without_the_runtime_is_refused(suite: Suite, npm: Path) -> None:
    (npm / "@x" / "core" / "package.json").unlink()
    with pytest.raises(SuiteError, match=r"no @x/core/package\.json in it"):
        with_runtime(suite, npm)


def test_targets_that_have_no_runtime_of_npm_are_told_apart(suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no target of this suite takes its runtime"):
        with_runtime(suite, tmp_path)
