"""`edgebench parse` as a stranger calls it: kinds of logs, exit codes, the table and the JSON."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmark_model_captures import FIXTURES

from harness.cli import main

ROOT = Path(__file__).parents[2]
LITERT = FIXTURES / "benchmark_model-litert-f674577"
DEBIAN = FIXTURES / "benchmark_model-2.14.1-debian"
OK_OUT, OK_ERR = str(DEBIAN / "ok_cpu.stdout"), str(DEBIAN / "ok_cpu.stderr")
SEVERAL = str(LITERT / "perfgpu_all.json")
LOGCAT = str(FIXTURES / "made_up" / "reconstructed_logcat_threadtime.txt")


@pytest.fixture
def parsed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Call `edgebench parse … --json`; give the exit code and the options."""

    def call(*arguments: str) -> tuple[int, Any]:
        code = main(["parse", *arguments, "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out)["options"] if said.out else said.err

    return call


def values(option: Any) -> dict[str, float | None]:
    return {one["metric"]: one["value"] for one in option["measurements"]}


def test_a_log_whose_end_is_known_is_measured(parsed: Callable[..., tuple[int, Any]]) -> None:
    code, (option,) = parsed(OK_OUT, "--stderr", OK_ERR, "--exit-code", "0")
    assert code == 0
    assert (option["outcome"], option["error"]) == ("measured", None)
    assert (option["label"], option["model"]) == ("cpu w/ 2 threads", "ff")
    assert values(option)["latency_mean"] == 0.0154396
    assert values(option)["tool_footprint"] == 4.83203 * 2**20
    assert {one["metric"]: one["unit"] for one in option["measurements"]}["peak_rss"] == "B"


def test_a_log_whose_end_nobody_knows_is_shown_and_not_proved(
    parsed: Callable[..., tuple[int, Any]],
) -> None:
    code, (option,) = parsed(OK_OUT)
    assert code == 1
    assert option["outcome"] == "unproved"
    assert option["error"]["class"] == "exit-code-unknown"
    assert "--exit-code" in option["error"]["hint"]
    assert values(option)["latency_mean"] == 0.0154396


def test_good_options_are_printed_beside_the_one_that_is_refused(
    parsed: Callable[..., tuple[int, Any]],
) -> None:
    code, options = parsed(SEVERAL)
    assert code == 1
    outcomes = {option["label"]: option["outcome"] for option in options}
    assert outcomes.pop("gpu-default") == "failed"
    assert len(outcomes) == 6
    assert set(outcomes.values()) == {"measured"}
    refused = next(option for option in options if option["label"] == "gpu-default")
    assert refused["measurements"] == []
    assert refused["facts"]["delegates"]["not_applied"] == ["GPU"]
    memory = [one for one in options[0]["measurements"] if one["unit"] == "B"]
    assert all(one["value"] is None and "one process" in one["absent"] for one in memory)


def test_every_capture_is_read_by_its_own_exit_code(
    parsed: Callable[..., tuple[int, Any]],
) -> None:
    code, options = parsed(str(LITERT / "plain.json"), str(LITERT / "sigkill_mid.json"))
    assert code == 1
    assert [option["outcome"] for option in options] == ["measured", "failed"]
    assert options[1]["error"]["class"] == "killed"
    assert options[1]["exit_code"] == 137


def test_a_captures_result_file_is_preferred(parsed: Callable[..., tuple[int, Any]]) -> None:
    code, (option,) = parsed(str(LITERT / "result_file.json"))
    assert code == 0
    assert values(option)["latency_mean"] == 0.00079165816
    code, (option,) = parsed(str(LITERT / "result_file_dry_run.json"))
    assert code == 1
    assert option["error"]["class"] == "no-inference"
    assert option["measurements"] == []


def test_a_result_file_beside_a_text_log(
    parsed: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    record = json.loads((LITERT / "result_file.json").read_text())
    log, file = tmp_path / "benchmark.txt", tmp_path / "result.pb"
    log.write_text(record["stdout"] + record["stderr"])
    file.write_bytes(base64.b64decode(record["files"]["result.pb"]["base64"]))
    code, (option,) = parsed(str(log), "--exit-code", "0", "--result-file", str(file))
    assert (code, values(option)["latency_mean"]) == (0, 0.00079165816)
    file.write_bytes(file.read_bytes()[:-5])
    code, (option,) = parsed(str(log), "--exit-code", "0", "--result-file", str(file))
    assert (code, option["outcome"]) == (1, "failed")


def test_an_android_log_is_read_by_process(parsed: Callable[..., tuple[int, Any]]) -> None:
    code, (option,) = parsed(LOGCAT)
    assert (code, option["kind"], option["outcome"]) == (1, "logcat", "unproved")
    assert values(option)["latency_p50"] == 0.252767
    assert option["facts"]["delegates"]["delegated_nodes"] == 642
    code, (option,) = parsed(LOGCAT, "--pid", "25289", "--exit-code", "0")
    assert (code, option["outcome"]) == (0, "measured")
    code, (option,) = parsed(LOGCAT, "--pid", "4711")
    assert (code, option["error"]["class"]) == (1, "not-in-the-log")


def test_an_android_log_of_several_runs_asks_which(
    parsed: Callable[..., tuple[int, Any]], tmp_path: Path
) -> None:
    both = tmp_path / "log.txt"
    text = Path(LOGCAT).read_text()
    both.write_text(text + text.replace("25289", "30001"))
    code, said = parsed(str(both))
    assert code == 2
    assert "25289, 30001" in said
    assert "--pid" in said


def test_stdin_and_windows_text_are_read(
    parsed: Callable[..., tuple[int, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = Path(OK_OUT).read_text()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    assert parsed("-", "--exit-code", "0")[0] == 0
    windows = tmp_path / "windows.txt"
    windows.write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    assert parsed(str(windows), "--exit-code", "0")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/nonexistent/log.txt"], "No such file"),
        ([OK_OUT, OK_OUT, "--stderr", OK_ERR], "belong to one log"),
        ([OK_OUT, "--stderr", "/nonexistent"], "No such file"),
        ([SEVERAL, "--exit-code", "3"], "itself has exit code 0"),
    ],
)
def test_wrong_input_ends_with_2_and_a_next_step(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["parse", *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "next step" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '{"stdout": 1, "stderr": "", "exit_code": 0}',
        '{"stdout":"","stderr":"","exit_code":"x"}',
        '{"stdout":"","stderr":"","exit_code":null,"signal":"SIGNOTHING"}',
    ],
)
def test_json_of_something_else_is_wrong_input(
    parsed: Callable[..., tuple[int, Any]], tmp_path: Path, text: str
) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    code, said = parsed(str(path))
    assert code == 2
    assert "no capture" in said


@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe", b"\xff\xfe\x00", b"{", b"not a log\n"])
def test_a_file_without_a_run_is_a_failed_option(
    parsed: Callable[..., tuple[int, Any]], tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(data)
    code, (option,) = parsed(str(path))
    assert (code, option["outcome"]) == (1, "failed")


def test_the_table_shows_every_option_and_why_one_has_no_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["parse", SEVERAL, "--format", "markdown"]) == 1
    said = capsys.readouterr().out
    assert re.search(r"gpu-default +\| failed +\| delegate-refused: GPU was asked for", said)
    assert re.search(r"cpu w/ 1 threads \(xnnpack\) +\| measured +\| +0\.681 \|", said)


def test_every_key_of_the_json_is_documented(
    parsed: Callable[..., tuple[int, Any]],
) -> None:
    page = (ROOT / "docs" / "reading-logs.md").read_text()
    documented = set(re.findall(r"`([a-z_]+)`", page[page.index("## The JSON") :]))

    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                yield from keys(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from keys(inner)

    _, options = parsed(SEVERAL, OK_OUT)
    found = set(keys(options))
    assert len(found) > 30
    assert found <= documented
