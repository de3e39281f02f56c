"""Faults that need a hand inside: a damaged binary, and an operator that the back end lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import web_parts
from web_parts import FLOAT, run

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import TargetUnfit
from harness.model import Failed, Failure, Measured
from harness.plugins import ModelFile
from harness.web_lane.browser_age import OLDEST, check_age
from harness.web_lane.session import WebSession
from harness.web_lane.tfjs.runtime import TfjsRuntime

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return web_parts.tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSession]:
    with web_parts.web_session(tmp_path_factory.mktemp("scratch")) as opened:
        yield opened
        assert web_parts.browser_processes() == set()


def failure(session: WebSession, model: ModelFile, wasm: str) -> Failure:
    outcome = PLUGIN.read(run(session, model, wasm=wasm)).outcome
    assert isinstance(outcome, Failed)
    assert outcome.failure.hint
    return outcome.failure


def test_a_wasm_file_that_is_damaged_fails_its_run_alone(
    session: WebSession, model: ModelFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runtime = session._runtime
    assert isinstance(runtime, TfjsRuntime)
    name = "tfjs/tfjs-backend-wasm.wasm"
    cut = tmp_path / "cut.wasm"
    cut.write_bytes(runtime.files.paths[name].read_bytes()[:100_000])
    files = replace(runtime.files, paths={**runtime.files.paths, name: cut})
    monkeypatch.setattr(session, "_runtime", replace(runtime, files=files))
    told = failure(session, model, "plain")
    # Another file than the one that npm brought: what was served tells, whatever the page says.
    assert told.kind == "variant-mismatch"
    assert "wasm_sha256" in told.message
    assert "the page said" in told.message
    assert isinstance(PLUGIN.read(run(session, model, wasm="simd")).outcome, Measured)


def with_operator(model: ModelFile, folder: Path, operator: str) -> ModelFile:
    """Put an operator in the place of the tiny model's matrix product."""
    described = json.loads(model.path.read_text())
    (product,) = [n for n in described["modelTopology"]["node"] if n["op"] == "MatMul"]
    product["op"] = operator
    # Base64 of `ij,jk->ik`.
    product["attr"] = {"T": FLOAT, "equation": {"s": "aWosamstPmlr"}, "N": {"i": "2"}}
    path = folder / "model.json"
    path.write_text(json.dumps(described))
    weights = "group1-shard1of1.bin"
    (folder / weights).write_bytes(model.path.with_name(weights).read_bytes())
    return ModelFile("tfjs", path, sha256(path.read_bytes()).hexdigest(), 1)


@pytest.mark.parametrize(
    ("operator", "named"), [("Einsum", "'Einsum' not registered"), ("NoSuchOp", "'NoSuchOp'")]
)
def test_an_operator_that_wasm_lacks_is_named(
    session: WebSession, model: ModelFile, tmp_path: Path, operator: str, named: str
) -> None:
    told = failure(session, with_operator(model, tmp_path, operator), "simd")
    assert told.kind == "unsupported"
    assert named in told.message


@pytest.mark.parametrize("name", sorted(OLDEST))
def test_a_browser_is_too_old_below_the_first_version_with_simd(name: str) -> None:
    oldest = OLDEST[name]
    check_age(name, ".".join(map(str, (*oldest, 0, 1))))
    check_age(name, "")
    check_age("another", "1.0")
    before = ".".join(map(str, (*oldest[:-1], oldest[-1] - 1, 9)))
    with pytest.raises(TargetUnfit) as caught:
        check_age(name, before)
    assert caught.value.kind == "browser-too-old"
    assert before in str(caught.value)
