"""`edgebench publish`: a page from the folder alone, with maps, without paths, written whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from published_sites import Page, files_of
from report_folders import DEVICE, failed, folder, realistic, run, session

from harness import store
from harness.cli import main
from harness.errors import StoreError
from harness.memory_plan import kept_tensors
from harness.memory_plan.kept_tensors import KeptTensors
from harness.memory_plan.records import RecordSet, UsageRecord
from harness.model import Facts, Measured, OperatorTime, ResultFolder, SessionRecord
from harness.report.published import without_paths
from harness.report.site.published_results import FolderToPublish

DIGEST = "ab" * 32
HOSTILE = '<img src=x onerror="alert(1)">\n\'"&</title><script>alert(2)</script>'
FACTS: Facts = {
    "tflite_sha256": DIGEST,
    "planned_arena_bytes": 3 * 2**20,
    "planned_least_bytes": 3 * 2**20,
    "planned_naive_bytes": 4 * 2**20,
}


def tensors(*names: str) -> bytes:
    """Return a chain: each tensor lives from its own operator to the next one."""
    records = tuple(
        UsageRecord(name, 2**20 * (number + 1), number, number + 1)
        for number, name in enumerate(names)
    )
    known = RecordSet("made", "test", "intermediates", records, len(names) + 1)
    return kept_tensors.to_bytes(KeptTensors(known, tuple((1, n) for n in range(len(names)))))


def planned_session(model: str = "m", facts: Facts = FACTS) -> SessionRecord:
    return replace(session((DEVICE,), (model,)), models={f"{model}/fp32": facts})


def page_of(results: ResultFolder, kept: dict[str, bytes] | None = None) -> str:
    return files_of([FolderToPublish(results, kept or {})])["index.html"]


def written(path: Path, record: SessionRecord, kept: dict[str, bytes] | None = None) -> Path:
    results = folder(record, lambda cell, block: failed())
    with store.create(path, record, "suite: s\n", kept) as writer:
        for each in results.runs:
            writer.append(each)
    return path


def test_the_page_has_every_table_and_the_virtual_ones_in_their_own_section() -> None:
    found = Page(page_of(realistic()))
    titles = "".join(found.texts)
    assert titles.count("Latency: time of one inference") == 4  # a link and a caption, twice
    assert found.count("h2") == 1
    assert "Virtual device (this host): not a phone" in titles
    for tag, attributes in found.elements:
        assert tag != "th" or attributes["scope"] in {"row", "col"}
    # The table behind a drawing is named by the drawing's title.
    assert found.count("caption") + found.count("details") == found.count("table")


def test_operators_stand_with_the_tables_of_their_kind() -> None:
    results = realistic()
    profile = Measured((), (OperatorTime("CONV_2D", "conv", 0.001),))
    cells = [cell for cell in results.session.cells if cell.model == "blazeface"]
    timed = [
        run(cell, 1, profile, pass_="ops") for cell in cells if cell.variant in {"plain", "cpu-1"}
    ]
    shown = page_of(replace(results, runs=(*results.runs, *timed)))
    real, virtual = (shown.index(f"<h3 id={mark}") for mark in ops_titles(shown))
    assert real < shown.index("<h2>Virtual device") < virtual
    assert shown.count("<h2>") == 1


def ops_titles(shown: str) -> list[str]:
    return [part.split(">")[0] for part in shown.split("<h3 id=")[1:] if ">Operators: " in part]


def test_a_planned_model_has_its_totals_its_map_and_its_tensors() -> None:
    facts: Facts = {**FACTS, "planned_arena_bytes": 7 * 2**20, "planned_least_bytes": 5 * 2**20}
    results = folder(planned_session(facts=facts), lambda cell, block: failed())
    shown = page_of(results, {DIGEST: tensors("a", "b", "c")})
    found = Page(shown)
    assert found.count("svg") == 1
    assert sum(a.get("class") == "t" for tag, a in found.elements if tag == "rect") == 6
    assert "b [1, 1]: 2097152 bytes, operators 1 to 2, at 3145728" in shown
    arena, least, by, bound, naive, count = (
        cell.partition(">")[2].partition("<")[0]
        for cell in shown.partition("m/fp32</th>")[2].partition("</tr>")[0].split("<td")[1:]
    )
    assert (arena, least, by, bound, naive, count) == (
        ("7.000", "5.000", "greedy by size", "5.000", "6.000", "3")
    )
    assert "3 rows behind this drawing" in shown


def test_an_older_folder_says_why_it_has_no_map_and_is_published() -> None:
    shown = page_of(folder(planned_session(), lambda cell, block: failed()))
    assert "<svg" not in shown
    assert "No map of m/fp32: its folder was made before tensors were kept" in shown


def test_a_model_that_could_not_be_planned_says_why() -> None:
    facts: Facts = {"tflite_sha256": DIGEST, "planned_absent": "it is empty"}
    shown = page_of(folder(planned_session(facts=facts), lambda cell, block: failed()))
    assert "No planned memory of m/fp32: it is empty." in shown


def test_another_total_than_the_one_that_was_kept_is_told() -> None:
    facts: Facts = {**FACTS, "planned_least_bytes": 7}
    results = folder(planned_session(facts=facts), lambda cell, block: failed())
    assert "plans 3145728 bytes, the one that measured planned 7." in page_of(
        results, {DIGEST: tensors("a", "b")}
    )


def test_a_map_that_any_folder_has_is_shown_and_equal_names_are_told_apart() -> None:
    other = "cd" * 32
    kept = [{DIGEST: tensors("a", "b")}, {}, {other: tensors("c")}]
    digests = (DIGEST, DIGEST, other)
    shown = files_of(
        [
            FolderToPublish(
                folder(
                    planned_session(facts={**FACTS, "tflite_sha256": digest}),
                    lambda cell, block: failed(),
                    path=f"results/{number}",
                ),
                found,
            )
            for number, (digest, found) in enumerate(zip(digests, kept, strict=True))
        ]
    )["index.html"]
    assert shown.count("<svg") == 2
    assert "No map of" not in shown
    for digest in (DIGEST, other):
        assert f'<th scope="row">m/fp32 ({digest[:8]})</th>' in shown


def test_nothing_planned_means_no_section_for_it() -> None:
    assert "Planned memory" not in page_of(realistic())


def test_hostile_names_stay_text_wherever_they_stand() -> None:
    results = folder(
        replace(planned_session(HOSTILE), suite=HOSTILE, label=HOSTILE),
        lambda cell, block: failed(HOSTILE, HOSTILE),
    )
    plain = folder(
        replace(planned_session("m"), suite="m", label="m"), lambda cell, block: failed("m", "m")
    )
    shown = Page(page_of(results, {DIGEST: tensors(HOSTILE, "b")}))
    innocent = Page(page_of(plain, {DIGEST: tensors("m", "b")}))
    assert [tag for tag, _ in shown.elements] == [tag for tag, _ in innocent.elements]
    assert (shown.count("img"), shown.count("script")) == (0, 2)
    assert sum("<script>alert(2)</script>" in text for text in shown.texts) > 5


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("/home/alice/m.tflite: cannot be read", "…/m.tflite: cannot be read"),
        ("see '/home/alice smith/models/m.tflite'", "see '…/m.tflite'"),
        ("in /home/alice", "in ~"),
        ("/Users/alice: gone, see a/b", "~: gone, see a/b"),
        ("file:///srv/lab/m.tflite", "…/m.tflite"),
        (r"C:\Users\alice\m.tflite", "…/m.tflite"),
        ("~/private/m.tflite", "…/m.tflite"),
        ("(/opt/tool:12)", "(/opt/tool:12)".replace("/opt/", "…/")),
        ("mobilenet/fp32, 3 MiB/s, simd / plain", "mobilenet/fp32, 3 MiB/s, simd / plain"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("/data/local/tmp/edgebench/tool and /proc/stat", None),
    ],
)
def test_of_a_path_only_its_last_part_is_published(said: str, published: str | None) -> None:
    assert without_paths(said) == (said if published is None else published)


@given(st.text("ab/~\\:. '…\n", max_size=30), st.sampled_from(["/home/alice", "/Users/alice"]))
@example("", "/home/alice")
@settings(deadline=None)
def test_no_text_around_it_saves_a_home_folder(rest: str, home: str) -> None:
    assert "alice" not in without_paths(f"cannot read {home}/{rest}").removesuffix(rest)


def test_a_page_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    home = tmp_path / "home" / "someone"
    record = session((DEVICE,), ("m",), blocks=2)
    results = folder(
        record,
        lambda cell, block: failed("unreadable", f"{home}/secret/model.tflite cannot be read"),
    )
    with store.create(home / "results" / "first", record, "suite: s\n") as writer:
        writer.append(results.runs[0])
    assert main(["publish", str(home), "--out", str(tmp_path / "site"), "--include-virtual"]) == 0
    shown = (tmp_path / "site" / "index.html").read_text()
    assert "…/model.tflite cannot be read" in shown
    assert "--resume first" in shown
    for private in (str(tmp_path), "someone", "secret"):
        assert private not in shown


def test_publishing_again_gives_the_same_bytes_and_leaves_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = written(tmp_path / "r", planned_session(), {DIGEST: tensors("a")})
    out = tmp_path / "site"
    assert main(["publish", str(results), "--out", str(out)]) == 0
    first = (out / "index.html").read_bytes()
    (out / ".index.html.1.partial").write_text("of a writer that was killed")
    assert main(["publish", str(results), "--out", str(out)]) == 0
    assert (out / "index.html").read_bytes() == first
    assert capsys.readouterr().out.splitlines() == [str(out / "index.html")] * 2


@pytest.mark.parametrize("name", ["notes.txt", "index.html"])
def test_a_folder_that_is_not_ours_is_left_alone(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = written(tmp_path / "r", planned_session())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("<html>mine</html>")
    assert main(["publish", str(results), "--out", str(tmp_path / "mine")]) == 4
    assert f"the folder has {name!r} in it" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == [name]
    assert (tmp_path / "mine" / name).read_text() == "<html>mine</html>"


def test_a_file_in_the_place_of_the_site_is_an_error_with_a_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = written(tmp_path / "r", planned_session())
    (tmp_path / "f").write_text("x")
    assert main(["publish", str(results), "--out", str(tmp_path / "f")]) == 4
    assert "next step: choose another folder with --out" in capsys.readouterr().err


TENSOR = {"name": "a", "bytes": 1, "first": 0, "last": 0, "shape": [1]}


@pytest.mark.parametrize(
    "changed",
    [
        {"bytes": -1},
        {"bytes": 1.5},
        {"bytes": True},
        {"bytes": 2**63},
        {"first": 1},
        {"last": 1},
        {"name": None},
        {"shape": None},
        {"shape": ["1"]},
    ],
)
def test_damaged_tensors_are_named_and_never_drawn(changed: dict[str, object]) -> None:
    document = {
        "schema": 1,
        "kind": "intermediates",
        "tasks": 1,
        "tensors": [TENSOR | changed],
    }
    with pytest.raises(StoreError, match="damaged"):
        kept_tensors.from_bytes(json.dumps(document).encode(), title="m", where="x.json")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema": "1"}', b"\xff"])
def test_what_is_no_file_of_tensors_is_damaged(data: bytes) -> None:
    with pytest.raises(StoreError, match="damaged") as caught:
        kept_tensors.from_bytes(data, title="m", where="x.json")
    assert caught.value.where == "x.json"


def test_tensors_of_a_newer_edgebench_ask_for_an_update() -> None:
    with pytest.raises(StoreError, match="schema 2"):
        kept_tensors.from_bytes(b'{"schema": 2}', title="m", where="x.json")


@given(st.lists(st.tuples(st.text(max_size=5), st.integers(0, 2**40), st.integers(0, 9))))
@settings(deadline=None)
def test_kept_tensors_are_read_back_exactly(found: list[tuple[str, int, int]]) -> None:
    records = tuple(UsageRecord(name, size, at, at) for name, size, at in found)
    known = RecordSet("t", "the result folder", "intermediates", records, 10)
    kept = KeptTensors(known, tuple((size, at) for _, size, at in found))
    assert kept_tensors.from_bytes(kept_tensors.to_bytes(kept), title="t", where="x") == kept
