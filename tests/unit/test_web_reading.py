"""What is read out of a browser run's files: the numbers, or a named failure, whatever they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import OutputUnreadable
from harness.metrics import definition
from harness.model import Capture, Failed, Measured, Reading

FIXTURES = Path(__file__).parents[1] / "fixtures" / "web"
CAPTURES = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())
READ = ("run.json", "requests.json", "page.json")


def capture(name: str) -> Capture:
    return Capture({file.name: file.read_bytes() for file in (FIXTURES / name).iterdir()})


def changed(name: str, file: str, change: Callable[[Any], None]) -> Capture:
    """Return a capture in which one file says something else."""
    original = capture(name)
    content = original.json(file)
    change(content)
    return Capture({**original.files, file: json.dumps(content).encode()})


def failure(reading: Reading) -> tuple[str, str]:
    assert isinstance(reading.outcome, Failed), reading.outcome
    assert reading.outcome.failure.hint
    return reading.outcome.failure.kind, reading.outcome.failure.message


def values(reading: Reading) -> dict[str, float | None]:
    assert isinstance(reading.outcome, Measured), reading.outcome
    return {m.metric: m.value for m in reading.outcome.measurements}


def check(reading: Reading) -> None:
    """What holds for every reading: sound numbers, in known metrics, and only if proved."""
    if isinstance(reading.outcome, Failed):
        assert reading.outcome.failure.kind
        return
    assert reading.proof.mismatches() == ()
    for measurement in reading.outcome.measurements:
        metric = definition(measurement.metric)
        assert metric is not None
        assert metric.unit == measurement.unit
        numbers = (*measurement.samples, measurement.value or 0.0)
        assert all(0 <= number < 2**54 for number in numbers)
        assert measurement.absent or measurement.value is not None or measurement.samples


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("latency-plain", None),
        ("latency-simd-in-batches", None),
        ("memory-2-threads", None),
        ("mismatch-1-thread-of-2", "variant-mismatch"),
        ("page-error-wrong-input", "page-error"),
        ("timed-out", "timed-out"),
        ("workload-stages", None),
    ],
)
def test_each_real_capture_has_its_outcome(name: str, kind: str | None) -> None:
    reading = PLUGIN.read(capture(name))
    check(reading)
    if kind is None:
        assert isinstance(reading.outcome, Measured)
    else:
        assert failure(reading)[0] == kind


def test_every_capture_is_tested() -> None:
    assert len(CAPTURES) == 9


def test_a_latency_run_gives_seconds_of_its_samples() -> None:
    page = capture("latency-plain").json("page.json")
    reading = PLUGIN.read(capture("latency-plain"))
    samples = [sample / 1000 for sample in page["timed"]["samples_ms"]]
    assert values(reading)["latency_mean"] == pytest.approx(sum(samples) / 20)
    assert values(reading)["latency_max"] == pytest.approx(max(samples))
    assert values(reading)["init"] == pytest.approx(page["init_ms"] / 1000)
    assert reading.setting["timed"] == "predict+readback"
    assert reading.setting["warmup_iterations"] == 25
    assert reading.conditions["timer_resolution_s"] == 5e-06
    assert reading.conditions["iterations_done"] == 20
    assert reading.outputs is not None
    assert reading.outputs[0].shape == (1, 4)


def test_memory_on_a_phone_is_a_metric_of_its_own() -> None:
    record = capture("virtual-phone-memory").json("run.json")
    reading = PLUGIN.read(capture("virtual-phone-memory"))
    grown = record["memory"]["after_pss_bytes"] - record["memory"]["baseline_pss_bytes"]
    assert values(reading)["meminfo_pss"] == grown > 0
    assert not {"renderer_uss", "renderer_pss"} & values(reading).keys()
    assert str(reading.setting["method"]).endswith("; dumpsys meminfo")


def test_a_phone_that_refuses_meminfo_gives_the_reason() -> None:
    def refuse(record: Any) -> None:
        record["memory"] = {"method": "dumpsys meminfo", "absent": "Permission Denial"}

    reading = PLUGIN.read(changed("virtual-phone-memory", "run.json", refuse))
    assert isinstance(reading.outcome, Measured)
    (absent,) = [m for m in reading.outcome.measurements if m.metric == "meminfo_pss"]
    assert (absent.value, absent.absent) == (None, "Permission Denial")


def test_a_run_in_a_virtual_phones_browser_is_virtual_and_tells_its_conditions() -> None:
    reading = PLUGIN.read(capture("virtual-phone-latency"))
    assert reading.setting["virtual"] is True
    assert str(reading.setting["device"]).endswith("on virtual device (this host)")
    assert reading.conditions["waited_s"] == pytest.approx(0.5, abs=0.5)
    assert "thermal_status_begin" in reading.conditions
    assert values(reading)["latency_mean"] is not None


def test_a_phone_that_was_not_fit_gives_no_number() -> None:
    def refuse(kept: Any) -> None:
        kept["refused"], kept["found"] = True, ["the battery is low"]

    reading = PLUGIN.read(changed("virtual-phone-latency", "conditions.json", refuse))
    assert failure(reading) == ("conditions-refused", "the battery is low")
    asleep = capture("virtual-phone-latency")
    end = asleep.files["conditions-end.txt"].replace(
        b"== power\n", b"== power\nmWakefulness=Asleep\n"
    )
    reading = PLUGIN.read(Capture({**asleep.files, "conditions-end.txt": end}))
    assert failure(reading)[0] == "conditions-invalid"


@pytest.mark.parametrize("words", [b"", b"{}", b"[1]", b'{"rules": 1}'])
def test_conditions_that_are_damaged_are_named(words: bytes) -> None:
    files = {**capture("virtual-phone-latency").files, "conditions.json": words}
    with pytest.raises(OutputUnreadable, match=r"conditions\.json"):
        PLUGIN.read(Capture(files))


def test_a_workloads_run_gives_stages_frames_and_what_it_was() -> None:
    page = capture("workload-stages").json("page.json")
    reading = PLUGIN.read(capture("workload-stages"))
    infer = [sample / 1000 for sample in page["workload"]["stages_ms"]["infer"]]
    found = values(reading)
    assert found["stage_mean:infer"] == pytest.approx(sum(infer) / len(infer))
    assert found["stage_p50:post-process"] is None
    assert found["dropped_frames"] == pytest.approx(46 / 50)
    assert (reading.setting["workload"], reading.setting["timed"]) == (
        "spin.js",
        "run of the workload",
    )
    assert reading.outputs


def test_a_wasm_file_of_the_workload_itself_is_not_the_runtimes() -> None:
    own = {"path": "workload/decoder.wasm", "status": 200, "bytes": 8, "sha256": "ab" * 32}
    reading = PLUGIN.read(changed("workload-stages", "requests.json", lambda log: log.append(own)))
    assert isinstance(reading.outcome, Measured)
    assert reading.proof.observed["wasm_binary"] == "tfjs-backend-wasm-simd.wasm"


def test_a_workload_without_outputs_says_that_they_were_not_checked() -> None:
    silent = changed("workload-stages", "page.json", lambda page: page.update(output_sets=[[]]))
    reading = PLUGIN.read(silent)
    assert reading.outputs is None
    assert "no outputs" in reading.outputs_absent


def test_a_memory_run_gives_one_metric_per_method_and_no_latency() -> None:
    growth = capture("memory-2-threads").json("run.json")["memory"]
    got = values(PLUGIN.read(capture("memory-2-threads")))
    assert set(got) == {"wasm_heap", "tf_num_bytes", "renderer_uss", "renderer_pss"}
    assert got["renderer_uss"] == growth["after"]["uss_bytes"] - growth["baseline"]["uss_bytes"]
    assert got["renderer_pss"] == growth["after"]["pss_bytes"] - growth["baseline"]["pss_bytes"]


def test_threads_beyond_what_tfjs_takes_by_itself_are_called_forced() -> None:
    def on(cores: int) -> dict[str, Any]:
        def change(page: Any) -> None:
            page["facts"]["hardware_concurrency_real"] = cores

        conditions = PLUGIN.read(changed("memory-2-threads", "page.json", change)).conditions
        return {name: conditions[name] for name in ("threads_as_shipped", "threads_forced")}

    assert on(2) == {"threads_as_shipped": 1, "threads_forced": True}
    assert on(4) == {"threads_as_shipped": 2, "threads_forced": False}
    plain = PLUGIN.read(capture("latency-plain")).conditions
    assert plain["threads_forced"] is False


def test_the_size_of_the_binary_that_was_served_is_a_fact_of_the_run() -> None:
    requests = capture("memory-2-threads").json("requests.json")
    (wasm,) = [request for request in requests if request["path"].endswith(".wasm")]
    subject = PLUGIN.read(capture("memory-2-threads")).subject
    assert subject["wasm_bytes"] == wasm["bytes"] > 100_000


def test_where_no_binary_was_asked_for_the_one_that_was_served_is_named() -> None:
    def unasked(run: Any) -> None:
        run["asked"] = {"backend": "wasm", "as_shipped": True}
        del run["subject"]["wasm_sha256"]

    auto = changed("latency-plain", "run.json", unasked)
    assert failure(PLUGIN.read(auto)) == (
        "variant-mismatch",
        "as_shipped asked True, observed None",
    )
    page = auto.json("page.json")
    page["facts"]["as_shipped"] = True
    reading = PLUGIN.read(Capture({**auto.files, "page.json": json.dumps(page).encode()}))
    check(reading)
    assert reading.setting["wasm"] == "plain"
    assert reading.subject["wasm_sha256"] == reading.proof.observed["wasm_sha256"]


def test_phases_add_up_to_the_run() -> None:
    told = capture("latency-plain").json("run.json")["phases_s"]
    phases = PLUGIN.read(capture("latency-plain")).phases_s
    assert set(phases) == {"launch", "load", "warmup", "timed", "collect"}
    assert sum(phases.values()) == pytest.approx(sum(told.values()))


def test_the_wasm_that_the_server_sent_counts_not_what_the_page_says() -> None:
    def swap(requests: Any) -> None:
        for request in requests:
            request["path"] = request["path"].replace("-wasm.wasm", "-wasm-simd.wasm")

    reading = PLUGIN.read(changed("latency-plain", "requests.json", swap))
    assert failure(reading)[0] == "variant-mismatch"
    assert "wasm_binary" in failure(reading)[1]


def test_a_second_wasm_file_is_a_mismatch() -> None:
    def twice(requests: Any) -> None:
        requests += [r | {"path": "tfjs/x.wasm"} for r in requests if r["path"].endswith(".wasm")]

    reading = PLUGIN.read(changed("latency-plain", "requests.json", twice))
    assert failure(reading)[0] == "variant-mismatch"


@pytest.mark.parametrize("end", [{"status": 404}, {"complete": False}])
def test_a_wasm_file_that_did_not_arrive_proves_nothing(end: dict[str, Any]) -> None:
    def spoil(requests: Any) -> None:
        for request in requests:
            if request["path"].endswith(".wasm"):
                request.update(end)

    reading = PLUGIN.read(changed("latency-plain", "requests.json", spoil))
    assert failure(reading)[0] == "variant-mismatch"


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("threads", 2),
        ("threads", None),
        ("backend", "cpu"),
        ("backend", None),
        ("cross_origin_isolated", False),
    ],
)
def test_what_the_page_saw_must_be_what_was_asked(fact: str, value: object) -> None:
    other = changed("latency-plain", "page.json", lambda page: page["facts"].update({fact: value}))
    kind, message = failure(PLUGIN.read(other))
    assert kind == "variant-mismatch"
    assert fact in message


def test_what_a_failed_page_could_not_tell_is_no_mismatch_but_what_it_told_is() -> None:
    error = {"kind": "page-error", "message": "no memory", "stack": ""}

    def unknown(page: Any) -> None:
        page["error"] = error
        page["facts"].update(threads=None, backend=None)

    def fell_back(page: Any) -> None:
        unknown(page)
        page["facts"].update(cross_origin_isolated=False)

    assert failure(PLUGIN.read(changed("latency-plain", "page.json", unknown))) == (
        "page-error",
        "no memory",
    )
    kind, message = failure(PLUGIN.read(changed("latency-plain", "page.json", fell_back)))
    assert kind == "variant-mismatch"
    assert "no memory" in message


def test_a_request_to_elsewhere_fails_the_run() -> None:
    address = ["http://192.0.2.1/"]
    by_page = changed("latency-plain", "page.json", lambda p: p["facts"].update(blocked=address))
    by_browser = changed(
        "latency-plain", "run.json", lambda run: run.update(foreign_requests=address)
    )
    for other in (by_page, by_browser):
        kind, message = failure(PLUGIN.read(other))
        assert kind == "page-error"
        assert address[0] in message


def test_a_clock_that_never_moved_gives_no_latency() -> None:
    def stand_still(page: Any) -> None:
        page["timed"]["samples_ms"] = [0.0] * 20

    reading = PLUGIN.read(changed("latency-plain", "page.json", stand_still))
    assert failure(reading)[0] == "below-timer-resolution"


def test_a_batch_has_a_mean_and_no_percentiles() -> None:
    reading = PLUGIN.read(capture("latency-simd-in-batches"))
    got = values(reading)
    assert got["latency_mean"]
    assert {m for m, v in got.items() if v is None} == {
        "latency_p50",
        "latency_p90",
        "latency_p95",
        "latency_min",
        "latency_max",
        "samples",
    }
    assert reading.conditions["batch_size"] != 1


def test_a_process_that_shrank_has_no_growth() -> None:
    other = changed(
        "memory-2-threads", "run.json", lambda run: run["memory"].update(uss_delta_bytes=-1)
    )
    got = values(PLUGIN.read(other))
    assert got["renderer_uss"] is None
    assert got["renderer_pss"] is not None


@pytest.mark.parametrize("file", READ)
def test_a_missing_file_is_named(file: str) -> None:
    left = {name: data for name, data in capture("latency-plain").files.items() if name != file}
    with pytest.raises(OutputUnreadable, match=file):
        PLUGIN.read(Capture(left))


def test_files_of_two_runs_do_not_mix() -> None:
    page = capture("memory-2-threads").files["page.json"]
    with pytest.raises(OutputUnreadable):
        PLUGIN.read(Capture({**capture("latency-plain").files, "page.json": page}))


@st.composite
def damage(draw: st.DrawFn) -> Capture:
    """A real capture in which one file was cut, or bytes of it were changed."""
    original = capture(draw(st.sampled_from(CAPTURES)))
    file = draw(st.sampled_from([name for name in READ if name in original.files]))
    data = bytearray(original.files[file])
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    for _ in range(draw(st.integers(0, 3))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return Capture({**original.files, file: bytes(data)})


@settings(deadline=None, max_examples=300)
@given(damage())
def test_damaged_captures_give_a_sound_reading_or_the_named_error(damaged: Capture) -> None:
    try:
        reading = PLUGIN.read(damaged)
    except OutputUnreadable as error:
        assert error.hint
    else:
        check(reading)


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 1e308, "", "x", [], {}, [None], float("inf"), float("nan"), -0.5, 10**400]
)


@st.composite
def nonsense(draw: st.DrawFn) -> Capture:
    """A real capture in which one value somewhere inside a file was replaced."""
    original = capture(draw(st.sampled_from(CAPTURES)))
    file = draw(st.sampled_from([name for name in READ if name in original.files]))
    content = place = original.json(file)
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            place[key] = draw(VALUES)
            return Capture({**original.files, file: json.dumps(content).encode()})
        place = place[key]


@settings(deadline=None, max_examples=300)
@given(nonsense())
def test_replaced_values_give_a_sound_reading_or_the_named_error(replaced: Capture) -> None:
    try:
        reading = PLUGIN.read(replaced)
    except OutputUnreadable as error:
        assert error.hint
    else:
        check(reading)
