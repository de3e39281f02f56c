"""A bundle is the same bytes every time, names nobody, and still binds every number to its files."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from report_folders import DEVICE, session, times
from report_folders import folder as folder_of
from report_folders import run as a_run
from runner_parts import ScriptedDriver, measured

from harness import store
from harness.cli import main
from harness.errors import StoreError
from harness.model import Cell, ResultFolder
from harness.report.bundle import archive, papers
from harness.report.bundle.clean_folder import BUNDLE, write_clean
from harness.report.bundle.cleaning import Cleaner, serial_hashes
from harness.report.bundle.papers import Cited
from harness.report.scrubbing import Scrubber
from harness.report.verification import check_hash, check_reading
from harness.serials import hashed
from harness.store.marking import add_mark
from harness.store.raw import digest_of, read_raw
from harness.store.used import Used

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")

HOSTILE = "<script>alert(1)</script>\n# evil `x`"
SERIAL = "R5CT60ABCDE"
HOME = "/home/maria.rossi"
CELL = Cell("net", "fp32", "device", "cpu-1")
SUITE = f"suite: s\nmodels: {{net: {{tflite: {HOME}/nets/net.tflite}}}}\n"
TENSOR = "/home/maria+rossi/" * 8
"""What looks like a path, and is numbers."""


def files(value: float = 0.5) -> dict[str, bytes]:
    page = {"value": value, "argv": [f"{HOME}/bin/tool"], "base64": TENSOR, "at": "\nat maria-desk"}
    said = f"Graph: [/tmp/edgebench-1/cache/ab]\ninput:/tmp/edgebench-1/x\nserial={SERIAL}\n"
    return {
        "page.json": json.dumps(page, separators=(",", ":")).encode(),
        "said.txt": said.encode(),
        "output.bin": b"\0\1\2" + b"maria-desk",
        "clean.json": b'{"a" : 1.50}\n',
    }


def folder(path: Path, **changes: Any) -> Path:
    """Return a folder with a run whose files say whose machine and phone it was."""
    record = session((DEVICE,), ("net",), blocks=1, suite_sha256=sha256(SUITE.encode()).hexdigest())
    record = replace(record, command=("edgebench", "run", f"{HOME}/s.yaml"))
    run = a_run(
        CELL, 1, times(None, 0.5), bench=f"phone:{hashed(SERIAL)}", command=(f"{HOME}/tool",)
    )
    run = replace(run, raw_sha256=digest_of(files()), **changes)
    with store.create(path, record, SUITE) as writer:
        writer.append(replace(run, raw=writer.keep_raw(run.run_id, files())))
    return path


def cleaner(results: ResultFolder) -> Cleaner:
    return Cleaner(Scrubber(frozenset({"maria-desk"})).text, (HOME,), serial_hashes(results))


def reader(_: str) -> ScriptedDriver:
    return ScriptedDriver(lambda capture: measured(float(capture.json("page.json")["value"])))


def cleaned(path: Path, to: Path) -> Path:
    write_clean(path, to, cleaner(store.read(path)), reader)
    return to


def every_byte(path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file())


def test_no_file_names_the_user_the_machine_a_path_or_the_phone(tmp_path: Path) -> None:
    clean = cleaned(folder(tmp_path / "r"), tmp_path / "clean")
    told = every_byte(clean).replace(files()["output.bin"], b"").replace(TENSOR.encode(), b"")
    for private in ("maria", "rossi", SERIAL, "/tmp", "/home"):
        assert private.encode() not in told, private
    assert hashed(SERIAL).encode() in told


def test_numbers_written_as_text_and_files_without_names_stay_byte_for_byte(tmp_path: Path) -> None:
    clean = cleaned(folder(tmp_path / "r"), tmp_path / "clean")
    (run,) = store.read(clean).runs
    there = read_raw(clean, run)
    assert json.loads(there["page.json"])["base64"] == TENSOR
    for name in ("output.bin", "clean.json"):
        assert there[name] == files()[name]
    assert there["said.txt"] == ("Graph: […/ab]\ninput:…/x\nserial=[left out]\n".encode())


def test_every_hash_binds_the_clean_files_and_the_originals_are_noted(tmp_path: Path) -> None:
    path = folder(tmp_path / "r")
    clean = cleaned(path, tmp_path / "clean")
    results = store.read(clean)
    (run,) = results.runs
    there = read_raw(clean, run)
    assert check_hash(run, there).standing == "holds"
    assert check_reading(run, there, reader).standing == "holds"
    suite = (clean / "suite.yaml").read_bytes()
    assert results.session.suite_sha256 == sha256(suite).hexdigest()
    noted = json.loads((clean / BUNDLE).read_bytes())
    assert noted["original_raw_sha256"] == {run.run_id: digest_of(files())}
    before = (path / "runs.jsonl").read_bytes()
    assert noted["original_sha256"]["runs.jsonl"] == sha256(before).hexdigest()


def test_files_that_were_changed_are_not_bundled(tmp_path: Path) -> None:
    path = folder(tmp_path / "r")
    (next((path / "raw").iterdir()) / "said.txt").write_text("faster\n")
    with pytest.raises(StoreError, match="not those that were measured"):
        cleaned(path, tmp_path / "clean")


def test_a_run_that_rests_on_a_private_part_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "r")
    odd = ScriptedDriver(
        lambda capture: measured(0.5 + 0.1 * ("maria-desk" not in capture.text("page.json")))
    )
    with pytest.raises(StoreError, match="says something else without its private parts"):
        write_clean(path, tmp_path / "clean", cleaner(store.read(path)), lambda _: odd)


def test_a_file_that_is_no_text_and_holds_a_home_folder_is_refused() -> None:
    with pytest.raises(StoreError, match="cannot be taken out"):
        Cleaner(str, (HOME,)).file("x.bin", b"\0" + HOME.encode() + b"/x")


def test_a_log_with_a_damaged_byte_is_cleaned_and_numbers_are_not_taken_for_one() -> None:
    cleaner = Cleaner(Scrubber().text)
    assert cleaner.file("log", b"cannot read /opt/lab/net.tflite \xff\n") == (
        "cannot read …/net.tflite ".encode() + b"\xff\n"
    )
    numbers = bytes(range(128, 250)) + b" /opt/lab/x"
    assert cleaner.file("output.bin", numbers) == numbers


def test_marks_come_along_and_one_on_the_suite_follows_its_new_hash(tmp_path: Path) -> None:
    path = folder(tmp_path / "r")
    digest = store.read_session(path).suite_sha256
    add_mark(path, Used("sha256", digest), "invalid", f"wrong seed, says {HOME}/notes.txt")
    (run,) = store.read(cleaned(path, tmp_path / "clean")).runs
    assert "wrong seed, says …/notes.txt" in str(run.outcome)


@pytest.mark.parametrize("kind", [".tar.gz", ".zip"])
def test_the_same_content_is_the_same_bytes_whenever_and_wherever_it_is_packed(
    tmp_path: Path, kind: str
) -> None:
    packed = []
    for number in (1, 2):
        root = tmp_path / str(number) / "named"
        for name in ("b.txt", "a/c.txt") if number == 1 else ("a/c.txt", "b.txt"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(name)
        (root / "b.txt").chmod(0o600 if number == 1 else 0o755)
        into = io.BytesIO()
        archive.pack(root, into, kind)
        packed.append(into.getvalue())
    assert packed[0] == packed[1]
    content = io.BytesIO(packed[0])
    if kind == ".zip":
        names = zipfile.ZipFile(content).namelist()
    else:
        with tarfile.open(fileobj=content) as archived:
            names = archived.getnames()
            assert {(m.mtime, m.uid, m.uname, m.mode) for m in archived} == {(0, 0, "", 0o644)}
    assert names == ["named/a/c.txt", "named/b.txt"]


def test_a_folder_inside_of_another_comes_with_it_under_its_name(tmp_path: Path) -> None:
    for night in ("one", "two"):
        for place in (tmp_path / night, tmp_path / night / "confirmation"):
            with store.create(place, session((DEVICE,), ("net",)), SUITE) as writer:
                writer.append(a_run(CELL, 1, times(0.5)))
    out = tmp_path / "b.zip"
    assert main(["bundle", str(tmp_path / "one"), str(tmp_path / "two"), "--out", str(out)]) == 0
    names = {name.partition("/")[2] for name in zipfile.ZipFile(out).namelist()}
    sessions = {name for name in names if name.endswith("session.json")}
    assert sessions == {
        f"results/{night}{inside}/session.json"
        for night in ("one", "two")
        for inside in ("", "/confirmation")
    }


def test_hostile_names_stay_names_in_the_papers() -> None:
    title = 'a "b"\nauthors: [c] <b>`x`</b> | ![i](j)'
    results = folder_of(session((DEVICE,), ("net",), suite=HOSTILE), lambda cell, block: times(0.5))
    cited = Cited(title, (title,))
    parsed = yaml.safe_load(papers.citation(cited, [results]))
    assert parsed["title"] == parsed["authors"][0]["name"] == title
    assert len(parsed["authors"]) == 1
    shown = papers.readme(cited, [results], "1.0", include_virtual=True)
    for acting in ("<script>", "<b>", "![i](j)", "`x`", "\n# evil"):
        assert acting not in shown


def test_an_archive_that_is_none_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    assert main(["bundle", str(tmp_path), "--out", str(tmp_path / "x.rar")]) == 2


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
@settings(deadline=None)
def test_json_without_anything_private_comes_back_as_it_was(value: Any) -> None:
    data = json.dumps({"x": value}).encode()
    assert Cleaner(lambda text: text).file("x.json", data) == data
