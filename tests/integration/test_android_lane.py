"""The Android lane on the real adb server, a virtual device and the real LiteRT."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from adb_parts import ends, gone, needed_adb
from android_parts import (
    QUICK,
    inputs,
    model_bytes,
    model_file,
    needed_litert,
    request,
    script_tool,
)

from harness import outputs
from harness.drivers.android_tflite.options import TargetOptions
from harness.drivers.android_tflite.session import AndroidSession
from harness.errors import HarnessError, RunFailed, TargetLost, TargetUnfit
from harness.model import Capture, Failed, Measured, Reading, Tensor
from harness.plugins import ModelFile, TargetSpec, ToolFile, driver
from harness.virtual_device.sandbox import properties

LANE = driver("android-tflite")
ABI = properties()["ro.product.cpu.abi"]
LOGS = Path(__file__).parents[1] / "fixtures" / "benchmark_model" / "benchmark_model-2.14.1-debian"


@contextmanager
def opened(
    folder: Path, tools: Mapping[str, Mapping[str, ToolFile]] | None = None
) -> Iterator[AndroidSession]:
    needed_adb()
    options = TargetOptions(device="virtual", tool="script" if tools else None)
    folder.mkdir(exist_ok=True)
    session = LANE.open(TargetSpec("device", options, tools or {}, folder))
    assert isinstance(session, AndroidSession)
    try:
        yield session
    finally:
        session.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("android")


@pytest.fixture(scope="module")
def model(folder: Path) -> ModelFile:
    return model_file(folder)


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[AndroidSession]:
    needed_litert()
    with opened(folder / "session") as one:
        yield one


def values(reading: Reading) -> dict[str, float]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {m.metric: m.value for m in reading.outcome.measurements if m.value is not None}


def absent(reading: Reading) -> dict[str, str]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {m.metric: m.absent for m in reading.outcome.measurements if m.value is None}


def failure(reading: Reading) -> str:
    assert isinstance(reading.outcome, Failed), reading.outcome
    assert reading.outcome.failure.hint
    return reading.outcome.failure.kind


def left_on_device(session: AndroidSession) -> list[Path]:
    handle = session._device.virtual
    assert handle
    return [*(Path(handle.base) / "edgebench" / "runs").glob("*/*")]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_gives_times_proof_and_right_outputs(
    session: AndroidSession, model: ModelFile, threads: int
) -> None:
    capture = session.execute(request(model, threads=threads))
    reading = LANE.read(capture)
    found = values(reading)
    assert found["latency_min"] <= found["latency_p50"] <= found["latency_max"]
    assert found["latency_min"] <= found["latency_mean"] <= found["latency_max"]
    assert found["init"] + found["first_inference"] == pytest.approx(found["time_to_first_result"])
    assert "latency_p90" in absent(reading)
    assert reading.proof.asked == {"threads": threads}
    assert reading.proof.observed["threads"] == threads
    assert reading.proof.observed["xnnpack"] is True
    assert not reading.proof.mismatches()
    assert reading.setting["threads"] == threads
    assert reading.setting["device"] == "virtual device (this host)"
    assert reading.setting["virtual"] is True
    assert reading.subject["tool"] == "litert-host"
    assert reading.conditions["iterations_done"] == 7
    assert reading.conditions["warmup_iterations_done"] == 3
    reference = session.reference(model, [inputs()])[0]
    assert reading.outputs is not None
    check = outputs.check(reading.outputs, reference, 1e-4)
    assert check.failure is None, check
    assert [tensor.shape for tensor in reading.outputs] == [(1, 5), (1, 1152)]


def test_the_phases_fill_the_run(session: AndroidSession, model: ModelFile) -> None:
    begun = time.monotonic()
    capture = session.execute(request(model))
    took_s = time.monotonic() - begun
    phases = LANE.read(capture).phases_s
    assert set(phases) == {"launch", "load", "warmup", "timed", "collect"}
    assert all(value >= 0 for value in phases.values())
    assert sum(phases.values()) <= took_s


def test_the_passes_share_no_metric(session: AndroidSession, model: ModelFile) -> None:
    memory = LANE.read(session.execute(request(model, pass_="memory")))
    latency = LANE.read(session.execute(request(model)))
    assert set(values(memory)) == {"peak_rss_delta"}
    assert values(memory)["peak_rss_delta"] > len(model_bytes())
    assert not set(values(memory)) & set(values(latency))
    assert memory.setting["method"] == "VmHWM above the loaded interpreter"
    assert memory.outputs is None
    assert memory.outputs_absent


def test_a_latency_run_never_watches_memory(session: AndroidSession, model: ModelFile) -> None:
    commands = {
        pass_: session.execute(request(model, pass_=pass_)).json("run.json")["command"]
        for pass_ in ("latency", "memory")
    }
    watching = "--report_peak_memory_footprint=true"
    assert watching not in commands["latency"]
    assert watching in commands["memory"]
    assert not any("output_filepath" in flag for flag in commands["memory"])


def test_without_xnnpack_it_is_gone_and_proved(session: AndroidSession, model: ModelFile) -> None:
    reading = LANE.read(session.execute(request(model, xnnpack=False)))
    assert reading.proof.asked["xnnpack"] is False
    assert reading.proof.observed["xnnpack"] is False
    assert values(reading)["latency_mean"] > 0


def test_the_tool_is_fed_the_very_inputs(session: AndroidSession, model: ModelFile) -> None:
    first, second = (
        LANE.read(session.execute(request(model, fed=inputs(index)))).outputs for index in (0, 1)
    )
    assert first
    assert second
    assert first[0].data != second[0].data
    assert outputs.check(second, session.reference(model, [inputs(1)])[0], 1e-4).failure is None


def test_names_that_the_tool_cannot_list_still_reach_it(
    session: AndroidSession, model: ModelFile
) -> None:
    fed = tuple(Tensor("a:b,c d", one.shape, one.dtype, one.data) for one in inputs())
    reading = LANE.read(session.execute(request(model, fed=fed)))
    reference = session.reference(model, [fed])[0]
    assert reading.outputs is not None
    assert outputs.check(reading.outputs, reference, 1e-4).failure is None


def test_nothing_of_a_run_stays_on_the_device(session: AndroidSession, model: ModelFile) -> None:
    session.execute(request(model))
    assert left_on_device(session) == []


def test_a_file_that_is_no_model_fails_by_name(session: AndroidSession, folder: Path) -> None:
    broken = model_file(folder, b"this is no model" * 100)
    assert failure(LANE.read(session.execute(request(broken)))) == "model-unreadable"
    assert left_on_device(session) == []


def test_an_unknown_flag_fails_by_name(session: AndroidSession, model: ModelFile) -> None:
    reading = LANE.read(session.execute(request(model, gpu=True)))
    assert failure(reading) == "unconsumed-flags"


def test_a_model_that_is_not_on_this_host_any_more_is_no_crash(
    session: AndroidSession, folder: Path
) -> None:
    missing = ModelFile("tflite", folder / "gone.tflite", "0" * 64, 1)
    with pytest.raises(RunFailed) as failed:
        session.execute(request(missing))
    assert failed.value.kind == "model-unavailable"
    assert left_on_device(session) == []


def test_the_window_is_open_while_the_tool_runs(folder: Path, model: ModelFile) -> None:
    events: list[str] = []

    @contextmanager
    def window() -> Iterator[None]:
        events.append("entered")
        yield
        events.append("left")

    tools = script_tool(folder, 'echo "$@"; exit 0', ABI)
    with opened(folder / "window", tools) as session:
        session.execute(request(model, window=window))
    assert events == ["entered", "left"]


@pytest.mark.parametrize(
    ("log", "threads", "expected"),
    [
        (
            "ok_cpu",
            2,
            {
                "latency_mean": 0.0154396,
                "latency_min": 0.000211,
                "latency_max": 0.055969,
                "init": 0.000377,
                "first_inference": 0.032477,
                "time_to_first_result": 0.032854,
                "warmup_mean": 0.0218261,
            },
        ),
        (
            "ok_peakmem",
            1,
            {
                "latency_mean": 0.000658976,
                "latency_min": 0.000221,
                "latency_max": 0.082315,
                "init": 0.000363,
                "first_inference": 0.00108,
                "time_to_first_result": 0.001443,
                "warmup_mean": 0.000545607,
            },
        ),
    ],
)
def test_a_tool_that_prints_a_known_log_gives_exactly_its_numbers(
    folder: Path, model: ModelFile, log: str, threads: int, expected: dict[str, float]
) -> None:
    script = f"cat <<'LOG'\n{(LOGS / f'{log}.stdout').read_text()}LOG"
    with opened(folder / f"known-{log}", script_tool(folder, script, ABI)) as session:
        latency = LANE.read(session.execute(request(model, threads=threads)))
        memory = LANE.read(session.execute(request(model, threads=threads, pass_="memory")))
    assert values(latency) == expected
    assert "no percentiles" in absent(latency)["latency_p50"]
    assert latency.subject["tool"] == "script"
    assert latency.outputs is None
    assert "has no --" in latency.outputs_absent
    assert values(memory)["tool_footprint"] == (4.83203 if threads == 2 else 4.85156) * 2**20


def test_threads_that_were_not_there_are_a_mismatch(folder: Path, model: ModelFile) -> None:
    script = f"cat <<'LOG'\n{(LOGS / 'ok_cpu.stdout').read_text()}LOG"
    with opened(folder / "mismatch", script_tool(folder, script, ABI)) as session:
        reading = LANE.read(session.execute(request(model, threads=4)))
    assert reading.proof.mismatches() == (("threads", 4, 2),)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("exit 0", "no-timing-line"),
        ("echo 'ERROR: nothing works' >&2; exit 1", "tool-failed"),
        ("kill -SEGV $$", "crashed"),
        ("kill -KILL $$", "killed"),
        ("exec /nothing/here", "tool-missing"),
    ],
)
def test_a_tool_that_ends_badly_fails_by_name(
    folder: Path, model: ModelFile, script: str, kind: str
) -> None:
    with opened(folder / kind, script_tool(folder, script, ABI)) as session:
        assert failure(LANE.read(session.execute(request(model)))) == kind
        assert left_on_device(session) == []


def test_a_tool_without_end_is_cut_and_fails(folder: Path, model: ModelFile) -> None:
    script = "case $1 in --help) exit 1;; esac; head -c 6000000 /dev/zero | tr '\\0' x"
    with opened(folder / "endless", script_tool(folder, script, ABI)) as session:
        capture = session.execute(request(model))
    assert len(capture.files["stdout.txt"]) == 4 << 20
    assert failure(LANE.read(capture)) == "no-timing-line"


WAITING = """
case $1 in --help) exit 1;; esac
sleep 1000 &
echo $! > {pids}
echo $$ >> {pids}
echo begun
wait
"""


def waiting_tool(folder: Path) -> tuple[Mapping[str, Mapping[str, ToolFile]], Path]:
    pids = folder / f"pids-{time.monotonic_ns()}"
    return script_tool(folder, WAITING.format(pids=pids), ABI), pids


def test_a_timeout_kills_the_whole_group_and_keeps_what_was_said(
    folder: Path, model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.drivers.android_tflite.session._MARGIN_S", 0.5)
    tools, pids = waiting_tool(folder)
    short = QUICK.model_copy(update={"timeout_s": 1.0})
    with opened(folder / "timeout", tools) as session:
        capture = session.execute(request(model, sampling=short))
        assert ends(lambda: all(gone(int(pid)) for pid in pids.read_text().split()))
        assert left_on_device(session) == []
    assert failure(LANE.read(capture)) == "timed-out"
    assert capture.text("stdout.txt") == "begun\n"
    assert len(pids.read_text().split()) == 2


def test_an_interrupt_ends_the_run_and_kills_the_whole_group(
    folder: Path, model: ModelFile
) -> None:
    tools, pids = waiting_tool(folder)
    with opened(folder / "interrupt", tools) as session:
        raised: list[BaseException] = []

        def run() -> None:
            try:
                session.execute(request(model))
            except HarnessError as error:
                raised.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        assert ends(lambda: pids.is_file() and len(pids.read_text().split()) == 2)
        session.interrupt()
        thread.join(30)
        assert not thread.is_alive()
        assert ends(lambda: all(gone(int(pid)) for pid in pids.read_text().split()))
        assert left_on_device(session) == []
    assert isinstance(raised[0], RunFailed)


def test_a_device_that_goes_away_is_a_lost_target(folder: Path, model: ModelFile) -> None:
    import os
    import signal

    tools, pids = waiting_tool(folder)
    with opened(folder / "lost", tools) as session:
        handle = session._device.virtual
        assert handle

        def pull_the_cable() -> None:
            ends(lambda: pids.is_file() and len(pids.read_text().split()) == 2)
            os.kill(handle.device_pid, signal.SIGKILL)

        thread = threading.Thread(target=pull_the_cable)
        thread.start()
        with pytest.raises(TargetLost):
            session.execute(request(model))
        thread.join()
    assert ends(lambda: all(gone(int(pid)) for pid in pids.read_text().split()))


def test_a_connection_cut_before_the_end_marker_is_never_a_success(
    folder: Path, model: ModelFile
) -> None:
    log = (LOGS / "ok_cpu.stdout").read_text()
    # The tool says all the right things, then the wrapper is killed.
    script = f"cat <<'LOG'\n{log}LOG\ncase $1 in --help) exit 1;; esac\nkill -9 $PPID"
    with opened(folder / "cut", script_tool(folder, script, ABI)) as session:
        capture = session.execute(request(model, threads=2))
    assert capture.text("stdout.txt") == log
    assert failure(LANE.read(capture)) == "no-end-marker"


def test_names_with_blanks_and_quotes_are_data(folder: Path, model: ModelFile) -> None:
    script = 'case $1 in --help) exit 1;; esac; for a in "$@"; do printf "[%s]\\n" "$a"; done'
    nasty = "a b'c\"; touch /tmp/edgebench-was-here; $(id) `id`"
    with opened(folder / "names", script_tool(folder, script, ABI)) as session:
        capture = session.execute(request(model, flags={"benchmark_name": nasty}))
    assert f"[--benchmark_name={nasty}]\n" in capture.text("stdout.txt")
    assert not Path("/tmp/edgebench-was-here").exists()


def test_closing_ends_the_virtual_device_and_leaves_nothing(folder: Path, model: ModelFile) -> None:
    with opened(folder / "closing", script_tool(folder, "exit 0", ABI)) as session:
        handle = session._device.virtual
        assert handle
        session.execute(request(model))
    assert ends(lambda: gone(handle.server_pid) and gone(handle.device_pid))
    assert not handle.sandbox.exists()


def test_a_tool_for_another_processor_is_refused_with_what_is_there(folder: Path) -> None:
    tools = script_tool(folder, "exit 0", "riscv128")
    with pytest.raises(TargetUnfit, match="riscv128") as refusal, opened(folder / "abi", tools):
        pass
    assert ABI in refusal.value.hint


def test_a_read_of_the_stored_files_is_the_same(
    session: AndroidSession, model: ModelFile, folder: Path
) -> None:
    capture = session.execute(request(model))
    stored = folder / "stored"
    stored.mkdir()
    for name, data in capture.files.items():
        (stored / name).write_bytes(data)
    again = Capture({path.name: path.read_bytes() for path in stored.iterdir()})
    assert LANE.read(again) == LANE.read(capture)
    assert set(capture.files) == {"stdout.txt", "stderr.txt", "end.txt", "output.bin", "run.json"}


def test_the_record_names_no_folder_of_this_host(
    session: AndroidSession, model: ModelFile, folder: Path
) -> None:
    record = session.execute(request(model)).text("run.json")
    assert str(folder) not in record
    assert json.loads(record)["command"][0].startswith("/data/local/tmp/edgebench/cache/")
