"""From a suite to a page: measured once, published from the folder alone, naming nobody."""

from __future__ import annotations

import getpass
import re
import shlex
import shutil
import socket
from pathlib import Path

import pytest
from conftest import Commander

SUITE = """
suite: pages
plan_memory: true
models: {face: {generate: blazeface_front}}
targets: {device: {driver: android-tflite, device: virtual, variants: {one: {threads: 1}}}}
sampling:
  {blocks: 1, memory_runs: 1, warmup: {iterations: 1, seconds: 0}, timed: {iterations: 2}}
"""
DOCUMENT = Path(__file__).parents[2] / "docs" / "command-line.md"
# Publishing happens on any laptop: none of these may be touched there.
BARRED = """
import sys
for name in ("ai_edge_litert", "flatbuffers", "adbutils", "playwright", "ortools"):
    sys.modules[name] = None
"""


@pytest.mark.adb
@pytest.mark.litert
def test_the_documented_command_publishes_tables_and_maps_from_the_folder_alone(
    adb_of_its_own: Commander, tmp_path: Path
) -> None:
    measured = adb_of_its_own
    (measured.folder / "pages.yaml").write_text(SUITE)
    run = measured("run", "pages.yaml", "--label", "bench-1", "--quiet")
    assert run.returncode == 0, run.stderr

    laptop = tmp_path / "laptop"
    shutil.copytree(measured.folder / "results", laptop / "results")
    (laptop / "sitecustomize.py").write_text(BARRED)
    source = str(Path(__file__).parents[2])
    there = Commander(laptop, measured.environment).within(
        PYTHONPATH=f"{laptop}:{source}", EDGEBENCH_CACHE=str(laptop / "no-cache")
    )
    (command,) = re.findall(r"^edgebench publish results .*$", DOCUMENT.read_text(), re.MULTILINE)
    said = there(*shlex.split(command)[1:])
    assert said.returncode == 0, said.stderr
    assert said.stdout == "site/index.html\n"
    assert not (laptop / "no-cache").exists()

    page = (laptop / "site" / "index.html").read_text()
    assert page.count("<svg") == 1
    assert "face/fp32: naive, 9.194 MiB" in page
    assert "1.312 MiB" in page
    assert page.index("Virtual device (this host): not a phone") < page.index("Latency: ")
    private = (str(tmp_path), str(Path.home()), socket.gethostname(), getpass.getuser())
    for file in (laptop / "site").rglob("*.*"):
        told = file.read_text().partition("</style>")[2]
        words = set(re.findall(r"[\w.+@-]+", told))
        found = [each for each in private if each in (told if "/" in each else words)]
        assert not found, file
