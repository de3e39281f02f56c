"""adb's own words, and what they mean: which error, which kind, where, what next."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import TargetLost, TargetNotFound, TargetUnfit
from harness.transports.adb.failures import push_refused, refused
from harness.transports.adb.program import adb_version, find_adb, parse_version


@pytest.mark.parametrize("said", ["", "closed", "device offline", "device 'S1' not found"])
def test_a_refusal_without_a_known_reason_means_that_the_device_is_lost(said: str) -> None:
    error = refused("S1", "the command", said)
    assert isinstance(error, TargetLost)
    assert error.where == "S1"
    assert said in error.message


def test_an_unauthorized_device_is_not_lost_but_unfit() -> None:
    # adb 36's words, of its `transport.cpp`.
    said = (
        "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\n"
        "Try 'adb kill-server' if that seems wrong.\n"
        "Otherwise check for a confirmation dialog on your device."
    )
    error = refused("S1", "the command", said)
    assert isinstance(error, TargetUnfit)
    assert error.kind == "unauthorized"
    assert "kill-server" not in error.hint


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("write failed: No space left on device", "no-space"),
        ("couldn't create file: Disk quota exceeded", "no-space"),
        ("couldn't create file: Read-only file system", "read-only"),
        ("couldn't create file: Permission denied", "read-only"),
        ("", "push-failed"),
    ],
)
def test_a_refused_push_says_why(said: str, kind: str) -> None:
    error = push_refused("S1", "/data/local/tmp/m", said)
    assert isinstance(error, TargetUnfit)
    assert error.kind == kind
    assert error.hint


def test_a_failed_push_never_ends_the_run_without_words() -> None:
    assert "no reason given" in push_refused("S1", "/x", "").message


@pytest.mark.parametrize(
    ("said", "version"),
    [
        (
            "Android Debug Bridge version 1.0.41\nVersion 36.0.0-13206524\nInstalled as /x/adb\n",
            "36.0.0-13206524",
        ),
        ("Android Debug Bridge version 1.0.41\nVersion 29.0.6-debian\n", "29.0.6-debian"),
        ("Android Debug Bridge version 1.0.32\n", "1.0.32"),
        ("", ""),
    ],
)
def test_a_version_is_read_from_every_age_of_adb(said: str, version: str) -> None:
    assert parse_version(said) == version


def program(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_named_adb_goes_before_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = program(tmp_path / "named" / "adb")
    on_path = program(tmp_path / "bin" / "adb")
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(named))
    assert find_adb() == named
    monkeypatch.delenv("ADBUTILS_ADB_PATH")
    assert find_adb() == on_path


def test_the_adb_of_the_wheel_is_the_last_resort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "adbutils"
    program(package / "binaries" / "adb")
    (package / "__init__.py").write_text("raise RuntimeError('looking must not import')")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "adbutils", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ADBUTILS_ADB_PATH", raising=False)
    assert find_adb() == package / "binaries" / "adb"


def test_no_adb_at_all_has_a_kind_and_a_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "adbutils", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ADBUTILS_ADB_PATH", raising=False)
    with pytest.raises(TargetNotFound) as caught:
        find_adb()
    assert caught.value.kind == "adb-missing"
    assert "ADBUTILS_ADB_PATH" in caught.value.hint


def test_a_named_adb_that_is_no_program_is_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin" / "adb")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(tmp_path / "absent"))
    with pytest.raises(TargetNotFound) as caught:
        find_adb()
    assert caught.value.kind == "adb-missing"


def test_an_adb_that_does_not_run_here_is_missing(tmp_path: Path) -> None:
    broken = program(tmp_path / "adb", "exit 1")
    with pytest.raises(TargetNotFound) as caught:
        adb_version(broken)
    assert caught.value.kind == "adb-missing"


def test_the_door_does_not_import_adbutils_until_it_is_used() -> None:
    code = (
        "import sys, harness.transports.adb, harness.transports.virtual_device_process\n"
        "sys.exit('adbutils' in sys.modules or 'PIL' in sys.modules)"
    )
    home = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=home, check=False).returncode == 0
