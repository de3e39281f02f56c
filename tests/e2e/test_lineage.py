"""One session of a virtual device, followed onward: marked, read again, backfilled, bundled."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import socket
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from conftest import Commander

from harness import store
from harness.model import Failed

pytestmark = [pytest.mark.adb, pytest.mark.litert]

KNOWN = Path(__file__).parents[1] / "fixtures" / "known"
ABI = {"aarch64": "arm64-v8a", "arm64": "arm64-v8a"}.get(platform.machine(), platform.machine())
PROGRAM = (KNOWN / "made_up_benchmark_model").read_bytes()
SUITE = f"""
suite: followed
models: {{net: {{generate: blazeface_front, seed: 7}}}}
tools: {{made_up: {{{ABI}: tool, sha256: {sha256(PROGRAM).hexdigest()}}}}}
targets:
  device:
    driver: android-tflite
    device: virtual
    tool: made_up
    variants: {{one: {{threads: 1}}}}
  litert: {{driver: android-tflite, device: virtual, variants: {{one: {{threads: 1}}}}}}
sampling: {{blocks: 1, memory_runs: 1, warmup: {{iterations: 1, seconds: 0}}, timed: {{iterations: 5}}}}
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Commander:
    """A folder of results with one session in it."""
    edgebench = Commander(tmp_path_factory.mktemp("followed"), dict(os.environ))
    (edgebench.folder / "tool").write_bytes(PROGRAM)
    (edgebench.folder / "s.yaml").write_text(SUITE)
    run = edgebench("run", "s.yaml", "--out", "results/r", "--quiet")
    assert run.returncode == 0, run.stderr
    return edgebench


def tables(text: str) -> dict[str, Any]:
    return {table["name"]: table for table in json.loads(text)["tables"]}


def test_a_bundle_names_nobody_and_verifies_where_it_is_unpacked(
    measured: Commander, tmp_path: Path
) -> None:
    archives = []
    for name in ("one.tar.gz", "two.tar.gz"):
        made = measured("bundle", "results", "--include-virtual", "--out", str(tmp_path / name))
        assert made.returncode == 0, made.stderr
        archives.append((tmp_path / name).read_bytes())
    assert archives[0] == archives[1]
    with tarfile.open(tmp_path / "one.tar.gz") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (bundle,) = (tmp_path / "unpacked").iterdir()

    session = next((bundle / "results").iterdir())
    raw = {path.name for path in session.rglob("raw/*/*")}
    assert {"run.json", "stdout.txt"} <= raw
    # LiteRT says where its files lie, so there is something to take out.
    said = "".join(path.read_text() for path in measured.folder.rglob("raw/*/stdout.txt"))
    assert tempfile.gettempdir() in said.replace("/data/local/tmp/", "")
    everything = [path for path in bundle.rglob("*") if path.is_file()]
    told = "".join(path.read_bytes().decode(errors="replace") for path in everything)
    for path in (
        str(measured.folder),
        f"{Path.home()}/",
        f"{tempfile.gettempdir()}/",
        "127.0.0.1:",
    ):
        assert path not in told.replace("/data/local/tmp/", ""), path
    texts = [path.read_bytes() for path in everything if b"\0" not in path.read_bytes()]
    words = set(re.findall(r"[\w.+@-]+", b"".join(texts).decode()))
    generic = {"root", "runner", "user"}
    assert not words & ({socket.gethostname(), getpass.getuser()} - generic)

    lines = (bundle / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(everything) - 1
    for line in lines:
        digest, name = line.split("  ")
        assert sha256((bundle / name).read_bytes()).hexdigest() == digest
    there = Commander(bundle, measured.environment)
    verified = there("verify", "results", "--json")
    assert verified.returncode == 0, verified.stdout
    checks = {row["check"]: row for row in tables(verified.stdout)["verification"]["rows"]}
    assert checks["reading"]["holds"]["value"] == 4
    assert checks["hash"]["holds"]["value"] == 5
    again = there("table", "results", "--format", "markdown")
    assert "### Latency" in again.stdout
    assert "cff-version: 1.2.0" in (bundle / "CITATION.cff").read_text()


def test_captures_are_read_again_into_a_folder_of_their_own(measured: Commander) -> None:
    made = measured("reread", "results/r", "--why", "a newer parser", "--json")
    assert made.returncode == 0, made.stderr
    rows = {row["change"]: row["runs"]["value"] for row in tables(made.stdout)["reread"]["rows"]}
    assert rows == {"the same": 4}
    before = store.read(measured.folder / "results" / "r")
    after = store.read(measured.folder / "reread" / "followed" / "r")
    assert after.runs == before.runs
    assert after.session.lineage is not None
    assert after.session.lineage.why == "a newer parser"
    shown = measured("table", "reread", "--format", "markdown")
    assert "Re-read from r: a newer parser" in shown.stdout
    assert measured("verify", "reread").returncode == 0
    assert measured("reread", "results/r").returncode == 4


def test_an_old_suite_is_measured_with_a_new_tool_and_says_so(measured: Commander) -> None:
    (measured.folder / "newer").write_bytes(PROGRAM + b"# newer\n")
    made = measured(
        "backfill", "results/r", "--tool", f"made_up/{ABI}=newer", "--why", "the fix", "--quiet",
        "--only", "target=device", "--out", "backfilled/b",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    was, now = (sha256(data).hexdigest() for data in (PROGRAM, PROGRAM + b"# newer\n"))
    found = store.read(measured.folder / "backfilled" / "b")
    assert {run.subject["tool_sha256"] for run in found.runs} == {now}
    shown = measured("table", "backfilled/b", "--format", "markdown").stdout
    assert "Backfilled from r: the fix" in shown
    assert was[:8] in shown
    resumed = measured("run", "s.yaml", "--resume", "backfilled/b")
    assert resumed.returncode == 4
    assert "this folder was backfilled from r" in resumed.stderr


def test_a_bad_tool_takes_the_number_out_of_every_table(measured: Commander) -> None:
    digest = sha256(PROGRAM).hexdigest()
    measured("publish", "results", "--out", "site")
    marked = measured("impact", f"sha256:{digest[:8]}", "--mark-invalid", "a debug build", "--json")
    assert marked.returncode == 0, marked.stderr
    found = tables(marked.stdout)
    assert found["impact_published"]["rows"][0]["standing"].startswith("stale")
    runs = store.read(measured.folder / "results" / "r").runs
    invalid = {run.cell.target for run in runs if isinstance(run.outcome, Failed)}
    assert invalid == {"device"}
    shown = measured("table", "results", "--format", "markdown").stdout
    assert "invalid: a debug build" in shown
    assert measured("impact", f"sha256:{digest}", "--withdraw", "it was not").returncode == 0
    assert "invalid" not in measured("table", "results", "--format", "markdown").stdout
