"""`index`, `history` and `regressions` through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from history_folders import (
    EVERY,
    PLAIN,
    SIMD,
    three,
    with_subject,
    wobble,
    write_night,
    write_nights,
)
from report_folders import times

from harness import store
from harness.cli import main
from harness.model import ResultFolder


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any, str]:
    code = main([*argv, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out)["tables"] if out else None, err


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty nights; from the fifteenth on a new TF.js makes simd 10 % slower, plain 10 % faster."""
    results = tmp_path_factory.mktemp("results")
    for night in range(20):
        late = night >= 14
        level = 0.003 * wobble(night)
        write_night(
            results,
            night,
            {
                SIMD: three(level * (1.1 if late else 1)),
                PLAIN: three(level / (1.1 if late else 1)),
            },
            change=with_subject(tfjs="4.23.0" if late else "4.22.0"),
        )
    return results


def test_a_history_tells_each_session_and_the_change_with_what_changed(
    nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, tables, _ = printed(
        capsys, "history", "blazeface/fp32 on chromium/simd", "--results", str(nights)
    )
    assert code == 0
    sessions, changes = tables
    assert sessions["title"] == "latency_p50 of blazeface/fp32 on chromium/simd"
    assert len(sessions["rows"]) == 20
    first, changed = sessions["rows"][0], sessions["rows"][14]
    assert (first["day"], first["folder"]) == ("2026-09-01", "2026-09-01_lab")
    assert first["n"]["value"] == 3
    assert (changed["change"], changed["subject"]) == ("slower", "tfjs 4.22.0 → 4.23.0")
    (change,) = changes["rows"]
    assert change["since"] == "2026-09-15"
    assert change["seen"] == "2026-09-17"
    assert change["changed"] == "tfjs 4.22.0 → 4.23.0"
    assert abs(change["change"]["value"] - 10) < 0.5
    assert change["before"]["value"] < change["after"]["value"]


def test_a_selection_of_several_cells_shows_each(
    nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, tables, _ = printed(capsys, "history", "target=chromium", "--results", str(nights))
    assert [table["title"].rpartition(" of ")[2] for table in tables] == [
        "blazeface/fp32 on chromium/plain",
        "blazeface/fp32 on chromium/plain",
        "blazeface/fp32 on chromium/simd",
        "blazeface/fp32 on chromium/simd",
    ]


def test_regressions_lists_what_became_worse_and_exits_with_1(
    nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, (table,), _ = printed(capsys, "regressions", "--results", str(nights))
    assert code == 1
    (row,) = table["rows"]
    assert (row["variant"], row["verdict"]) == ("simd", "slower")
    assert row["changed"] == "tfjs 4.22.0 → 4.23.0"
    code, (table,), _ = printed(capsys, "regressions", "--improvements", "--results", str(nights))
    assert code == 1
    assert [row["verdict"] for row in table["rows"]] == ["faster", "slower"]


def test_regressions_since_a_day_counts_when_a_change_was_seen(
    nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # It began on the 15th and was seen on the 17th: a daily question must not miss it.
    seen = ("regressions", "--since", "2026-09-17", "--results", str(nights))
    later = ("regressions", "--since", "2026-09-18", "--results", str(nights))
    assert printed(capsys, *seen)[0] == 1
    code, tables, err = printed(capsys, *later)
    assert (code, tables) == (0, [])
    assert "nothing became worse since 2026-09-18" in err


def test_only_improvements_are_no_finding(nights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = ("--only", "variant=plain", "--results", str(nights))
    assert printed(capsys, "regressions", *plain)[0] == 0
    code, tables, _ = printed(capsys, "regressions", "--improvements", *plain)
    assert (code, len(tables)) == (0, 1)


def test_quiet_nights_have_no_regression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_nights(tmp_path, [0.003] * 30)
    assert printed(capsys, "regressions", "--results", str(tmp_path))[0] == 0


def test_virtual_devices_stand_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_nights(tmp_path, [0.003] * 14 + [0.004] * 3)
    _, tables, _ = printed(capsys, "regressions", "--results", str(tmp_path))
    real, virtual = tables
    assert {row["target"] for row in real["rows"]} == {"chromium"}
    assert {row["target"] for row in virtual["rows"]} == {"device"}
    assert (real["section"], virtual["section"][:14]) == ("", "Virtual device")


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("blazefase/fp32 on chromium/simd", "blazeface/fp32 on chromium/simd"),
        ("model=nope", "such as"),
        ("nope=1", "word=name"),
    ],
)
def test_a_cell_that_is_not_known_is_input_that_can_be_mended(
    nights: Path, capsys: pytest.CaptureFixture[str], cell: str, hint: str
) -> None:
    code, _, err = printed(capsys, "history", cell, "--results", str(nights))
    assert code == 2
    assert hint in err


def test_a_metric_that_is_not_known_names_those_that_are(
    nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = ("history", "variant=simd", "--results", str(nights))
    code, _, err = printed(capsys, *only, "--metric", "latency_p9")
    assert code == 2
    assert "latency_mean, latency_p50" in err
    code, (table, *_), _ = printed(capsys, *only, "--metric", "latency_mean")
    assert code == 0
    assert table["title"].startswith("latency_mean of")


def test_a_metric_in_which_no_change_is_looked_for_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_night(tmp_path, 0, {SIMD: [times(0.003, init=0.02)] * 3})
    asked = ("history", "variant=simd", "--metric", "init", "--results", str(tmp_path))
    _, (table,), _ = printed(capsys, *asked)
    assert table["notes"][-1].endswith("not in this.")


def test_index_counts_and_lists_what_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_nights(tmp_path, [0.003] * 3)
    code, (table,), _ = printed(capsys, "index", "--results", str(tmp_path))
    numbers = {row["what"]: row["number"]["value"] for row in table["rows"]}
    assert code == 0
    assert (numbers["result folders"], numbers["runs"], numbers["series"]) == (3, 27, 3)
    (tmp_path / "nightly" / "2026-09-02_lab" / "session.json").write_text("{")
    code, (_, unreadable), err = printed(capsys, "index", "--rebuild", "--results", str(tmp_path))
    assert code == 4
    assert unreadable["rows"][0]["folder"] == "nightly/2026-09-02_lab"
    assert "2026-09-02_lab is left out" in err


def test_a_results_folder_that_is_not_there_is_a_store_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "model=x", "--results", str(tmp_path / "no")]) == 4
    assert "--results" in capsys.readouterr().err


def test_a_day_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_code:
        main(["regressions", "--since", "yesterday"])
    assert exit_code.value.code == 2
    assert "2026-11-20" in capsys.readouterr().err


def test_a_table_for_people_names_rule_setting_and_spread(
    nights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["history", "variant=simd", "--results", str(nights), "--format", "markdown"])
    text = capsys.readouterr().out
    for said in ("min–max", "wasm simd", "rank-CUSUM", "host"):
        assert said in text


def test_a_history_imports_nothing_that_is_slow_to_import(tmp_path: Path) -> None:
    write_nights(tmp_path, [0.003] * 2, EVERY[:1])
    program = (
        "import sys; from harness.cli import main; "
        f"main(['history', 'variant=simd', '--results', {str(tmp_path)!r}, '--json']); "
        "print(sorted({'numpy', 'pandas', 'pydantic', 'scipy', 'yaml', 'rich', 'playwright'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    # The first use takes the folders in, which reads them; the second is what is quick.
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines()[-1] == "[]"


def test_a_terminal_shows_the_last_sessions_and_says_how_to_see_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_nights(tmp_path, [0.003] * 33, [SIMD])
    asked = ["history", "variant=simd", "--results", str(tmp_path)]
    main(asked)
    short = capsys.readouterr().out
    assert "3 earlier sessions not shown: --last 33 shows all" in short
    assert "2026-09-03" not in short
    assert "2026-09-04" in short
    main([*asked, "--last", "33"])
    assert "2026-09-01" in capsys.readouterr().out
    _, (table, *_), _ = printed(capsys, *asked)
    assert len(table["rows"]) == 33


@pytest.mark.parametrize("indexed", [True, False])
def test_impact_reads_only_the_folders_concerned(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    indexed: bool,
) -> None:
    digest = "ab" * 32
    write_nights(tmp_path, [0.003] * 2, [SIMD])
    write_night(tmp_path, 2, {SIMD: three(0.003)}, change=with_subject(model_sha256=digest))
    opened: list[str] = []
    read = store.read_as_written

    def noted(path: Path) -> ResultFolder:
        opened.append(path.name)
        return read(path)

    if not indexed:
        (tmp_path / ".index").write_text("no folder can be made here")
    monkeypatch.setattr("harness.store.read_as_written", noted)
    asked = ("impact", f"sha256:{digest[:12]}", "--results", str(tmp_path))
    code, (table, *_), _ = printed(capsys, *asked)
    assert code == 0
    assert [Path(row["folder"]).name for row in table["rows"]] == ["2026-09-03_lab"]
    assert set(opened) == {"2026-09-03_lab"}
