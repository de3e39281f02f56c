"""Workloads in a real browser: stages with known answers, and modules with every mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import web_parts
from web_parts import INPUT, QUICK, floats, run, tensor

from harness import artifacts
from harness.drivers.web_tfjs import PLUGIN
from harness.model import Failed, Failure, Measured, Measurement, Reading, Scalar
from harness.options import Timed, Warmup
from harness.plugins import ModelFile
from harness.suite.values import Generated, ModelSource, WorkloadSource
from harness.web_lane.session import WebSession
from harness.workload_files import found_workload

pytestmark = pytest.mark.browser

# Time passes when it is told to, and a little when it is looked at, so that it has a tick.
TOLD_CLOCK = """
{
  let now = 1000;
  performance.now = () => (now += 0.005);
  globalThis.pass = (ms) => { now += ms; };
}
"""
PIPELINE = """
export async function setup({ tf, options, loadModel, asset, stage }) {
  const offset = await (await fetch(asset("offset.json"))).json();
  return { tf, stage, options, offset, model: await loadModel() };
}
export async function run({ tf, stage, options, offset, model }, { iteration, inputs }) {
  await stage("decode", () => pass(10));
  const values = await stage("infer", async () => {
    pass(30);
    const x = tf.tensor(inputs.x.values, inputs.x.shape);
    const y = model.predict(x);
    const values = await y.data();
    tf.dispose([x, y]);
    return values;
  });
  await stage("too short", () => pass(0.05));
  pass(5);
  return { y: values.map((value) => value + offset + options.more + iteration) };
}
export function teardown() { console.log("torn down"); }
"""
SPINNING = """
let spun = 0;
function spin(turns) {
  for (let i = 0; i < turns; i++) spun = (Math.imul(spun, 31) + i) | 0;
}
export function setup({ stage }) { return stage; }
export async function run(stage) {
  await stage("one", () => spin(2e6));
  await stage("three", () => spin(6e6));
}
export function teardown() {}
"""
WHOLE = "export function setup() {} export function run() {} export function teardown() {}"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return web_parts.tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSession]:
    with web_parts.web_session(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened
        assert web_parts.browser_processes() == set()


def with_module(alone: ModelFile, folder: Path, text: str, **source: Any) -> ModelFile:
    (folder / "module.js").write_text(text)
    return replace(alone, workload=found_workload(WorkloadSource(folder / "module.js", **source)))


def pipeline(alone: ModelFile, folder: Path, **source: Any) -> ModelFile:
    (folder / "offset.json").write_text("100")
    options: dict[str, Scalar] = {"more": 0.5}
    return with_module(alone, folder, PIPELINE, assets=("offset.json",), options=options, **source)


def told(reading: Reading) -> dict[str, Measurement]:
    assert isinstance(reading.outcome, Measured), reading
    return {m.metric: m for m in reading.outcome.measurements}


def test_stages_frames_and_outputs_are_exactly_those_of_the_module(
    session: WebSession, alone: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_init_script", TOLD_CLOCK)
    model = pipeline(alone, tmp_path, frames_per_second=30.0, schedule_s=2.0)
    capture = run(session, model, wasm="simd")
    reading = PLUGIN.read(capture)
    metrics = told(reading)
    assert metrics["latency_p50"].value == pytest.approx(0.045, rel=0.01)
    assert metrics["stage_p50:decode"].value == pytest.approx(0.010, rel=0.01)
    assert metrics["stage_mean:infer"].value == pytest.approx(0.030, rel=0.01)
    assert metrics["stage_share:infer"].value == pytest.approx(30 / 45, rel=0.01)
    assert metrics["stage_mean:too short"].value is None
    assert "below timer resolution" in metrics["stage_mean:too short"].absent
    assert metrics["iteration_rate"].value == pytest.approx(1 / 0.045, rel=0.01)
    # 2 s of frames that take 45 ms each, where 60 are due: 2000 / 45 = 44.4 are begun.
    assert (reading.conditions["frames_due"], reading.conditions["frames_done"]) == (60, 45)
    assert metrics["dropped_frames"].value == pytest.approx(15 / 60)
    (output,) = reading.outputs or ()
    assert floats(output.data) == pytest.approx([100.5 - 7, 100.5 + 6.75])
    assert "torn down" in capture.text("console.json")


def test_what_ran_is_proved_as_for_a_model_and_the_module_is_part_of_it(
    session: WebSession, alone: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_init_script", TOLD_CLOCK)
    model = pipeline(alone, tmp_path)
    assert model.workload
    capture = run(session, model, wasm="threaded-simd", threads=2)
    reading = PLUGIN.read(capture)
    assert reading.proof.observed["threads"] == 2
    assert reading.proof.mismatches() == ()
    assert reading.subject["workload_sha256"] == model.workload.sha256
    assert reading.setting["timed"] == "run of the workload"
    assert json.loads(str(reading.setting["workload_options"])) == {"more": 0.5}
    served = {r["path"] for r in json.loads(capture.files["requests.json"])}
    assert {"workload/module.js", "workload/offset.json"} <= served
    assert "dropped_frames" not in told(reading)


def test_a_stage_that_works_three_times_as_long_is_told_so(
    session: WebSession, alone: ModelFile, tmp_path: Path
) -> None:
    reading = PLUGIN.read(run(session, with_module(alone, tmp_path, SPINNING), wasm="plain"))
    metrics = told(reading)
    one, three = (metrics[f"stage_mean:{name}"].value for name in ("one", "three"))
    assert one
    assert three
    assert 2 < three / one < 4.5
    assert (metrics["stage_share:three"].value or 0) > 0.5
    assert reading.outputs is None
    assert "no outputs" in reading.outputs_absent


def test_the_reference_runs_the_module_on_the_cpu_back_end_twice(
    session: WebSession, alone: ModelFile, tmp_path: Path
) -> None:
    text = PIPELINE.replace("pass(", "void (")
    (tmp_path / "offset.json").write_text("100")
    model = with_module(alone, tmp_path, text, assets=("offset.json",), options={"more": 0.5})
    doubled = tuple(2 * value for value in INPUT)
    first, second = session.reference(model, [(tensor("x", INPUT),), (tensor("x", doubled),)])
    assert floats(first[0].data) == pytest.approx([100.5 - 7, 100.5 + 6.75])
    # The second input set, and the second iteration.
    assert floats(second[0].data) == pytest.approx([101.5 - 14, 101.5 + 13.5])


def test_memory_is_read_while_the_workload_is_alive(
    session: WebSession, alone: ModelFile, tmp_path: Path
) -> None:
    keeping = WHOLE.replace("setup() {}", "setup({ tf }) { return tf.zeros([1000]); }").replace(
        "teardown() {}", "teardown(kept) { kept.dispose(); }"
    )
    model = with_module(alone, tmp_path, keeping)
    metrics = told(PLUGIN.read(run(session, model, pass_="memory", wasm="simd")))
    assert metrics["tf_num_bytes"].value == 4000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WHOLE.replace("setup() {}", "setup() { throw new Error('no camera'); }"), "no camera"),
        (
            WHOLE.replace("run() {}", "run(_, { iteration }) { if (iteration === 3) null.x; }"),
            "iteration 3",
        ),
        (WHOLE.replace("run()", "walk()"), "exports no function run"),
        ("export function setup( {", "cannot be loaded"),
        ("import './not_an_asset.js';" + WHOLE, "cannot be loaded"),
        (WHOLE.replace("run() {}", "run() { return { y: [1, 2] }; }"), "output y"),
        (
            WHOLE.replace("setup() {}", "setup({ stage }) { return stage; }").replace(
                "run() {}", "run(stage) { return stage('a', () => stage('b', () => 0)); }"
            ),
            "stage b began inside the stage a",
        ),
        (
            WHOLE.replace("setup() {}", "setup({ stage }) { return stage; }").replace(
                "run() {}", "run(stage) { stage('late', () => new Promise(() => 0)); }"
            ),
            "ended inside the stage late",
        ),
        (
            WHOLE.replace("setup() {}", "setup({ stage }) { return stage; }").replace(
                "run() {}", "async run(stage) { await stage('a\\nb', () => 0); }"
            ),
            "a\\nb",
        ),
    ],
)
def test_a_mistake_in_a_module_is_a_failed_run_that_says_which(
    session: WebSession, alone: ModelFile, tmp_path: Path, text: str, words: str
) -> None:
    text = text.replace("export function async run", "export async function run")
    failure = failure_of(PLUGIN.read(run(session, with_module(alone, tmp_path, text), wasm="simd")))
    assert failure.kind == "workload-error"
    assert words in failure.message
    assert "module" in failure.hint or "stages" in failure.hint


def failure_of(reading: Reading) -> Failure:
    assert isinstance(reading.outcome, Failed), reading
    return reading.outcome.failure


def test_a_run_that_never_ends_is_ended_at_the_deadline_and_leaves_no_process(
    session: WebSession, alone: ModelFile, tmp_path: Path
) -> None:
    seen: set[psutil.Process] = set()

    @contextmanager
    def window() -> Iterator[None]:
        seen.update(web_parts.browser_processes())
        yield

    endless = WHOLE.replace("run() {}", "run() { return new Promise(() => 0); }")
    model = with_module(alone, tmp_path, endless)
    hasty = QUICK.model_copy(update={"timeout_s": 4.0})
    capture = run(session, model, wasm="simd", sampling=hasty, window=window)
    assert failure_of(PLUGIN.read(capture)).kind == "timed-out"
    assert seen
    assert not any(web_parts.alive(process) for process in seen)


def test_a_stage_may_have_any_printable_name(
    session: WebSession, alone: ModelFile, tmp_path: Path
) -> None:
    names = ["__proto__", "toString", "a|b", "<b>c</b>", "=1+1", "día ☀"]
    text = WHOLE.replace("setup() {}", "setup({ stage }) { return stage; }").replace(
        "export function run() {}",
        "export async function run(stage) {"
        f"for (const name of {json.dumps(names)}) await stage(name, () => spin()); }}"
        "let n = 0; function spin() { for (let i = 0; i < 1e6; i++) n = (n * 31 + i) | 0; }",
    )
    metrics = told(PLUGIN.read(run(session, with_module(alone, tmp_path, text), wasm="simd")))
    assert all(metrics[f"stage_mean:{name}"].value for name in names)


def test_the_module_that_the_documentation_shows_runs(session: WebSession, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "workloads.md").read_text()
    [module] = re.findall(r"^```js\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "labels.json").write_text('["tench", "goldfish"]')
    network = Generated("mobilenet_v2", 7)
    source = ModelSource("m", "fp32", network, {}, (), "cpu", 1e-4)
    model = with_module(
        artifacts.model_files(source, ["tfjs"])["tfjs"], tmp_path, module, assets=("labels.json",)
    )
    short = QUICK.model_copy(
        update={"warmup": Warmup(iterations=2, seconds=0.0), "timed": Timed(iterations=3)}
    )
    reading = PLUGIN.read(run(session, model, sampling=short, inputs=(), wasm="simd"))
    shares = [told(reading)[f"stage_share:{name}"].value or 0 for name in ("decode", "infer")]
    assert 0.5 < sum(shares) <= 1
    (scores,) = reading.outputs or ()
    assert scores.shape == (1000,)
