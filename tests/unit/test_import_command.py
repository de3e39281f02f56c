"""`edgebench import`: logs become runs of a result folder that tables show, and nothing is invented."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmark_model_captures import FIXTURES

from harness import store
from harness.cli import main
from harness.model import Failed, Measured, ResultFolder

LITERT = FIXTURES / "benchmark_model-litert-f674577"
DEBIAN = FIXTURES / "benchmark_model-2.14.1-debian"
PLAIN, SEVERAL = str(LITERT / "plain.json"), str(LITERT / "perfgpu_all.json")
KILLED = str(LITERT / "sigkill_mid.json")
TEXT = str(DEBIAN / "ok_cpu.stdout")
CAPTURES = [str(path) for path in sorted(LITERT.glob("*.json"))]


def imported(out: Path, *arguments: str, code: int = 0) -> ResultFolder:
    assert main(["import", *arguments, "--out", str(out)]) == code
    return store.read(out)


def test_a_log_is_a_run_with_its_numbers_and_its_raw_words(tmp_path: Path) -> None:
    folder = imported(tmp_path / "out", PLAIN, "--device", "pixel8")
    (run,) = folder.runs
    assert (run.cell.model, run.cell.target) == ("face_detection_short_range", "pixel8")
    assert run.cell.variant == "cpu (xnnpack)"
    assert (run.pass_, run.block, run.attempt) == ("latency", 1, 1)
    assert isinstance(run.outcome, Measured)
    values = {one.metric: one.value for one in run.outcome.measurements}
    assert values["latency_mean"] == 0.000745725
    assert {one.unit for one in run.outcome.measurements} == {"s"}
    assert (tmp_path / "out" / run.raw / "log").read_bytes() == Path(PLAIN).read_bytes()


def test_what_a_log_does_not_tell_is_not_known(tmp_path: Path) -> None:
    folder = imported(tmp_path / "out", PLAIN)
    (run,) = folder.runs
    assert run.conditions["imported"] is True
    assert "device" in str(run.conditions["not_proved"])
    assert run.setting["device"] == "device not named"
    assert run.setting["driver"] == "log"
    for fact in ("threads", "context", "warmup_iterations", "timed_iterations"):
        assert run.setting[fact] is None, fact
    assert "model_sha256" not in run.subject
    assert folder.session.host == {}
    assert run.phases_s == {}


def test_the_sampling_that_the_tool_echoes_is_kept(tmp_path: Path) -> None:
    (run,) = imported(tmp_path / "out", TEXT, "--exit-code", "0").runs
    assert run.setting["timed_iterations"] == 50
    assert run.setting["warmup_iterations"] is None
    assert run.setting["threads"] == 2


def test_the_same_option_again_is_the_next_block(tmp_path: Path) -> None:
    folder = imported(tmp_path / "out", PLAIN, PLAIN, SEVERAL, code=1)
    plain = [run.block for run in folder.runs if run.cell.variant == "cpu (xnnpack)"]
    assert plain == [1, 2]
    assert folder.session.blocks == 1
    assert len(folder.session.cells) == 8
    assert [run.order for run in folder.runs] == list(range(1, 10))
    assert len({run.run_id for run in folder.runs}) == 9
    assert len({run.raw for run in folder.runs}) == 3


def test_failed_and_unproved_logs_become_failed_rows(tmp_path: Path) -> None:
    folder = imported(tmp_path / "out", KILLED, TEXT, "--model", "face", code=1)
    kinds = [run.outcome.failure.kind for run in folder.runs if isinstance(run.outcome, Failed)]
    assert kinds == ["killed", "exit-code-unknown"]


def test_a_delegate_that_ran_is_asked_and_observed(tmp_path: Path) -> None:
    log = str(FIXTURES / "made_up" / "made_up_e5_gpu_partial.json")
    (run,) = imported(tmp_path / "out", log).runs
    assert run.proof.asked == run.proof.observed == {"delegates": "GPU"}
    assert (run.conditions["delegated_nodes"], run.conditions["total_nodes"]) == (120, 279)


def test_memory_counts_only_in_runs_that_were_made_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(LITERT / "fromsh_peak.json")
    folder = imported(tmp_path / "out", log, "--pass", "memory")
    (run,) = folder.runs
    assert run.pass_ == "memory"
    assert isinstance(run.outcome, Measured)
    assert {one.metric for one in run.outcome.measurements} == {
        "tool_footprint",
        "tool_footprint_init",
        "peak_rss",
    }
    assert (folder.session.blocks, folder.session.memory_runs) == (0, 1)
    assert "Memory" in capsys.readouterr().out


def test_runs_of_different_settings_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = str(LITERT / "threads2.json")
    out = tmp_path / "out"
    assert main(["import", SEVERAL, shared, "--out", str(out)]) == 5
    assert "folders of their own" in capsys.readouterr().err
    assert not out.exists()


def test_the_table_of_the_folder_says_that_it_was_read_from_logs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path / "out", SEVERAL, "--device", "pixel8", code=1)
    at_once = capsys.readouterr().out
    assert main(["table", str(tmp_path / "out"), "--format", "markdown"]) == 0
    later = capsys.readouterr().out
    for said in (" ".join(at_once.split()), later):
        assert "Read from logs" in said
        assert "Not proved: device, tool build" in said
        assert "delegate-refused" in said
        assert "shuffled" not in said
        assert "This host" not in said
    assert f"results: {tmp_path / 'out'}" in at_once


def test_every_capture_can_be_imported_alone(tmp_path: Path) -> None:
    for number, log in enumerate(CAPTURES):
        out = tmp_path / str(number)
        assert main(["import", log, "--out", str(out), "--json"]) in (0, 1)
        assert store.read(out).runs


def test_names_arrive_as_data(tmp_path: Path) -> None:
    odd = tmp_path / "a: 'b' \"c\" $(d) é\n.json"
    odd.write_bytes(Path(PLAIN).read_bytes())
    folder = imported(tmp_path / "out", str(odd), "--device", "x'\"$(y)\n", "--model", "m, n=é")
    (run,) = folder.runs
    assert (run.cell.model, run.cell.target) == ("m, n=é", "x'\"$(y)\n")
    assert run.conditions["log"] == odd.name
    import yaml

    kept = yaml.safe_load((tmp_path / "out" / "suite.yaml").read_text())
    assert kept["logs"][0]["log"] == odd.name


def test_a_folder_that_is_not_empty_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    assert main(["import", PLAIN, "--out", str(tmp_path)]) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_json_gives_the_tables_and_nothing_else_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path / "out", PLAIN, "--json")
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert "results: " in said.err
