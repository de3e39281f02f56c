"""`edgebench memory`: two tables, exact bytes in JSON, the least marked in every format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from memory_records import MODELS, expected_totals, record_set

from harness.cli import main
from harness.graphs.builder import GraphBuilder
from harness.graphs.tflite_writer import write_tflite
from harness.memory_plan import cp_sat
from harness.memory_plan.minimalloc_csv import written

SHARED_ROWS = [
    "greedy by size",
    "greedy by size improved",
    "greedy by breadth",
    "greedy in order",
    "min-cost flow",
    "optimum",
    "lower bound (shared)",
    "naive",
]
OFFSET_ROWS = [
    "greedy by size",
    "greedy by breadth",
    "greedy in order",
    "strip packing best fit",
    "best of",
    "optimum",
    "lower bound (offset)",
    "naive",
]


@pytest.fixture
def csvs(tmp_path: Path) -> dict[str, Path]:
    paths = {model: tmp_path / f"{model}.csv" for model in MODELS}
    for model, path in paths.items():
        path.write_text(written(record_set(MODELS[model])))
    return paths


def tables(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["memory", *arguments, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["tables"]
    return found


def column(table: dict[str, Any], model: str) -> dict[str, Any]:
    return {row["strategy"]: row[f"total:{model}"] for row in table["rows"]}


def test_rows_stand_in_the_articles_order(
    csvs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shared, offset = tables(capsys, *(f"--records={path}" for path in csvs.values()))
    assert [row["strategy"] for row in shared["rows"]] == SHARED_ROWS
    assert [row["strategy"] for row in offset["rows"]] == OFFSET_ROWS
    for table in (shared, offset):
        assert [each["header"] for each in table["columns"]] == ["strategy", *csvs]
        assert {each["unit"] for each in table["columns"][1:]} == {"MiB"}


@pytest.mark.parametrize("model", MODELS)
def test_json_has_whole_bytes_for_every_total(
    model: str, csvs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = expected_totals()[model]
    shared, offset = tables(capsys, "--records", str(csvs[model]))
    for kind, table in (("shared", shared), ("offset", offset)):
        for strategy, figure in column(table, model).items():
            assert type(figure["bytes"]) is int
            assert figure["value"] == figure["bytes"] / 2**20
            name = "bound" if strategy.startswith("lower bound") else strategy
            shown = expected.get(f"{kind}:{name}", expected["naive"])
            if strategy == "best of" or (kind, strategy) == ("offset", "optimum"):
                shown = expected["offset:bound"]
            assert f"{figure['value']:.3f}" == shown
            assert shown in figure["text"]


def test_the_least_is_marked_in_every_format(
    csvs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("terminal", "markdown", "csv", "json"):
        path = csvs["mobilenet_v2_1.0_224"]
        assert main(["memory", "--records", str(path), "--format", name]) == 0
        said = capsys.readouterr().out.replace("\\*", "*")
        assert "* 6.699" in said
        assert "* 5.742" in said
        assert "* 6.986" not in said
        assert "6.699 proved by CP-SAT" in said
        assert "5.742 = bound" in said


def test_every_total_says_to_which_tensors_it_belongs(
    csvs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = csvs["mobilenet_v1_1.0_224"]
    for table in tables(capsys, "--records", str(path)):
        assert (
            f"mobilenet_v1_1.0_224: 30 tensors (csv) over 31 tasks, from {path}" in table["notes"]
        )


def test_what_is_not_proved_is_no_figure(
    csvs: dict[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cp_sat, "available", lambda: False)
    path = csvs["inception_v3_299"]
    shared, _ = tables(capsys, "--records", str(path))
    found = column(shared, "inception_v3_299")["optimum"]
    assert found == "not proved (best known 10.177)"
    assert any("OR-tools is not installed" in note for note in shared["notes"])


def test_two_sets_of_one_name_are_two_columns(
    csvs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(csvs["mobilenet_v1_1.0_224"])
    shared, _ = tables(capsys, "--records", path, "--records", path)
    names = ["mobilenet_v1_1.0_224 #1", "mobilenet_v1_1.0_224 #2"]
    assert [each["header"] for each in shared["columns"][1:]] == names


@pytest.mark.parametrize(
    ("sizes", "told"),
    [((100, 28), True), ((8, 2**20), True), ((2**20, 2**21), False), ((0, 0), False)],
)
def test_totals_that_mib_do_not_tell_apart_are_said_to_be_in_json(
    sizes: tuple[int, int], told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "few.csv"
    first, second = sizes
    path.write_text(f"id,lower,upper,size\na,0,1,{first}\nb,1,2,{second}\nc,1,2,{first}\n")
    note = "few: what MiB do not tell apart, --json has in bytes"
    assert [note in each["notes"] for each in tables(capsys, "--records", str(path))] == [told] * 2


def test_records_are_written_as_they_were_read(
    csvs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, copy = csvs["face_detection_short_range"], tmp_path / "copy.csv"
    tables(capsys, "--records", str(source), "--write-records", str(copy))
    assert copy.read_bytes() == source.read_bytes()


def test_no_tensors_need_no_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.csv"
    path.write_text("id,lower,upper,size\n")
    for table in tables(capsys, "--records", str(path)):
        assert {figure["bytes"] for figure in column(table, "none").values()} == {0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "in.csv: cannot be read: No such file or directory"),
        (b"\xff\xfe", "in.csv:1: this is not UTF-8 text"),
        (b"id,lower,upper,size\na,0,0,1\n", "in.csv:2: tensor 'a' ends at 0"),
    ],
)
def test_a_bad_csv_is_one_line_and_exit_2(
    content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.csv"
    if content is not None:
        path.write_bytes(content)
    assert main(["memory", "--records", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 2
    assert said in lines[0]
    assert lines[1].startswith("  next step: ")


def test_nothing_to_plan_is_the_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory"]) == 2
    assert "nothing to plan" in capsys.readouterr().err


def test_only_one_set_can_be_written(
    csvs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [f"--records={path}" for path in csvs.values()]
    assert main(["memory", *sources, "--write-records", str(tmp_path / "out.csv")]) == 2
    assert "--write-records writes one record set, and 4 are planned" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
    folder = ["--write-records", str(tmp_path)]
    assert main(["memory", sources[0], *folder]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.fixture
def model(tmp_path: Path) -> Path:
    net = GraphBuilder("net", 1)
    x = net.conv(net.input((1, 8, 8, 3)), 4, kernel=3)
    path = tmp_path / "net.tflite"
    path.write_bytes(write_tflite(net.build(net.relu(net.add(x, net.relu(x))))))
    return path


def test_a_model_has_its_arena_in_a_third_table_with_exact_bytes(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", str(model), "--no-interpreter", "--json"]) == 0
    shared, offset, arena = json.loads(capsys.readouterr().out)["tables"]
    assert (shared["name"], offset["name"], arena["name"]) == (
        "memory_shared",
        "memory_offset",
        "memory_arena",
    )
    # 768 of input, then 1024 each: add overwrites relu, and the output takes the place of conv.
    assert [row["arena"]["bytes"] for row in arena["rows"]][:1] == [768 + 2 * 1024]


def test_the_arena_without_inputs_and_sharing_is_asked_for_and_named(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["memory", str(model), "--no-interpreter", "--arena", "intermediates"]
    assert main([*asked, "--json"]) == 0
    arena = json.loads(capsys.readouterr().out)["tables"][2]
    assert "intermediates alone, none in place" in arena["title"]
    assert arena["rows"][0]["arena"]["bytes"] == 3 * 1024


def test_a_map_is_drawn_of_one_set_only(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = tmp_path / "map.svg"
    assert main(["memory", str(model), "--no-interpreter", "--map", str(drawing)]) == 0
    assert "conv_0 [1, 8, 8, 4]: 1024 bytes" in drawing.read_text()
    assert main(["memory", str(model), str(model), "--map", str(drawing)]) == 2
    assert "--map draws one record set" in capsys.readouterr().err


def test_a_damaged_model_is_one_line_and_exit_2(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.write_bytes(model.read_bytes()[:500])
    assert main(["memory", str(model)]) == 2
    said, hint = capsys.readouterr().err.splitlines()
    assert str(model) in said
    assert "next step" in hint


@pytest.mark.parametrize("text", ["input", "=1,2", "input=", "input=1,x", "input=-1,2"])
def test_an_input_shape_that_is_none_is_the_users_mistake(
    model: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", str(model), "--input-shape", text]) == 2
    assert "is not understood" in capsys.readouterr().err
