"""The doctor: every part, found or not, and the one command that mends it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from harness import doctor, locations
from harness.doctor import Part, examine, lanes_are_ready
from harness.transports.browser_discovery import BrowserProgram

WASM = [f"tfjs-backend-wasm{kind}.wasm" for kind in ("", "-simd", "-threaded-simd")]
CHROMIUM = BrowserProgram("chromium", Path("/usr/bin/chromium"), "156.0.1.2", "installed")


@pytest.fixture
def node_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node_modules that is as the lock file says."""
    folder = tmp_path / "node_modules"
    root = locations.checkout()
    assert root
    pinned = json.loads((root / "package.json").read_text())["dependencies"]
    for name, version in pinned.items():
        (folder / name / "dist").mkdir(parents=True)
        (folder / name / "package.json").write_text(json.dumps({"version": version}))
    for name in WASM:
        (folder / "@tensorflow/tfjs-backend-wasm/dist" / name).write_bytes(b"\0asm\1\0\0\0")
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(folder))
    return folder


@pytest.fixture(autouse=True)
def one_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each test the start of a real browser."""
    monkeypatch.setattr(doctor, "find_all", lambda: (CHROMIUM,))


def named(name: str) -> Part:
    (part,) = (part for part in examine() if part.name == name)
    return part


def test_a_part_has_a_command_that_mends_it_exactly_if_it_is_not_found(node_modules, monkeypatch):
    shutil.rmtree(node_modules / "@tensorflow/tfjs-core")
    monkeypatch.setenv("PATH", "/nonexistent")
    parts = examine()
    assert {part.found for part in parts} == {True, False}
    assert all(bool(part.mend) != part.found for part in parts)
    assert not any("\n" in part.mend for part in parts)


def test_names_are_unique_and_every_lane_is_there(node_modules):
    parts = examine()
    assert len({part.name for part in parts}) == len(parts)
    assert {"web lane", "android lane", "virtual device", "tests"} <= {
        part.needed_for for part in parts
    }


def test_this_environment_has_its_packages_at_the_versions_that_pip_installed(node_modules):
    by_name = {part.name: part for part in examine()}
    for name in ("adbutils", "playwright", "pandas", "ai-edge-litert"):
        assert by_name[name].version == metadata.version(name)
    assert by_name["playwright"].needed_for == "web lane"
    assert by_name["adbutils"].needed_for == "android lane"
    assert by_name["ai-edge-litert"].needed_for == "virtual device"


def test_a_package_that_is_gone_is_missing_and_make_setup_brings_it(node_modules, monkeypatch):
    real = metadata.version

    def version(name):
        if name == "pandas":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    part = named("pandas")
    assert (part.found, part.version, part.mend) == (False, "", "make setup")
    assert not lanes_are_ready(examine())


def test_tfjs_as_pinned_is_found_with_all_three_binaries(node_modules):
    assert named("TF.js").found
    assert all(named(name).found for name in WASM)


@pytest.mark.parametrize("damage", ["gone", "other version"])
def test_a_tfjs_package_that_differs_from_its_pin_is_named(node_modules, damage):
    folder = node_modules / "@tensorflow/tfjs-converter"
    if damage == "gone":
        shutil.rmtree(folder)
    else:
        (folder / "package.json").write_text('{"version": "3.0.0"}')
    part = named("TF.js")
    assert not part.found
    assert "@tensorflow/tfjs-converter" in part.where
    assert "tfjs-core" not in part.where


def test_a_runtime_that_is_not_installed_has_its_command_and_no_lane_waits_for_it(node_modules):
    part = named("@litertjs/core")
    assert (part.found, part.mend, part.needed_for) == (False, "make runtimes", "other runtimes")
    assert lanes_are_ready(examine())


def test_trained_models_are_optional_and_have_their_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "checkout", lambda: tmp_path)
    part = named("BlazeFace as trained")
    assert (part.found, part.mend) == (False, "make real-models")
    (tmp_path / ".models" / "blazeface").mkdir(parents=True)
    (tmp_path / ".models" / "blazeface" / "short_range.tflite").write_bytes(b"TFL3")
    assert named("BlazeFace as trained").found


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>"])
@pytest.mark.parametrize("name", WASM)
def test_a_binary_that_is_no_wasm_is_not_found(node_modules, name, content):
    path = node_modules / "@tensorflow/tfjs-backend-wasm/dist" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert not named(name).found


def test_no_browser_is_one_missing_part_of_the_web_lane(node_modules, monkeypatch):
    monkeypatch.setattr(doctor, "find_all", lambda: ())
    part = named("browser")
    assert (part.found, part.needed_for) == (False, "web lane")
    assert not lanes_are_ready(examine())


def test_each_other_browser_has_a_line_with_the_command_that_brings_it(node_modules, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    parts = {part.name: part for part in examine()}
    assert parts["chromium"].found
    assert "browser" not in parts
    for name in ("chrome", "edge", "firefox", "webkit", "webkitgtk"):
        assert (parts[name].found, parts[name].needed_for) == (False, "other browsers")
        assert "install" in parts[name].mend
    assert parts["Xvfb"].needed_for == "other browsers"
    # It exists on Macs only.
    assert "safari" not in parts
    assert lanes_are_ready(parts.values())


def test_without_adb_the_android_lane_is_not_ready(node_modules, monkeypatch):
    monkeypatch.setenv("ADBUTILS_ADB_PATH", "/nonexistent/adb")
    part = named("adb")
    assert (part.found, part.needed_for) == (False, "android lane")
    assert "/nonexistent/adb" in part.where


def test_a_cache_folder_that_cannot_be_written_is_told(node_modules, monkeypatch):
    monkeypatch.setenv("EDGEBENCH_CACHE", "/proc/edgebench")
    monkeypatch.setattr(os, "access", lambda path, _mode: str(path) != "/proc")
    assert not named("cache folder").found


def test_a_full_disk_is_told(node_modules, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert not named("disk space").found


def test_what_only_tests_or_set_up_need_does_not_hold_up_the_lanes():
    def part(needed_for, *, found):
        return Part("x", found, "", "", "" if found else "mend it", needed_for)

    there = [part(lane, found=True) for lane in doctor.LANES]
    others = [
        part(other, found=False) for other in ("tests", "set-up", "memory pass", "virtual device")
    ]
    assert lanes_are_ready([*there, *others])
    for lane in doctor.LANES:
        assert not lanes_are_ready([*there, part(lane, found=False)])


def test_outside_a_checkout_the_commands_need_no_makefile(node_modules, monkeypatch):
    monkeypatch.setattr(locations, "checkout", lambda: None)
    shutil.rmtree(node_modules)
    parts = examine()
    assert not any(part.mend.startswith("make") for part in parts)
    assert not any(part.needed_for == "tests" for part in parts)


def test_the_doctor_imports_nothing_that_it_examines():
    heavy = ("adbutils", "ai_edge_litert", "numpy", "pandas", "playwright", "psutil", "rich")
    program = (
        "import sys\nfrom harness.doctor import examine\nexamine()\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
