"""Models and tools as files: what is pinned is what is used, or nothing is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness import artifacts
from harness.errors import SuiteError
from harness.outputs import Precision
from harness.suite.values import Generated, ModelSource, Source, ToolSource


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        return


class CutShort(Quiet):
    """Promises more than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def serve(handler: type[Quiet], folder: Path) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "site"
    folder.mkdir()
    server = serve(Quiet, folder)
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def a_model(source: Source, format_: str = "tflite") -> ModelSource:
    files = {format_: source}
    return ModelSource("m", "fp32", None, files, (), "cpu", 1e-4)  # type: ignore[arg-type]


def everything_in(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()] if cache.exists() else []


def test_a_pinned_download_is_used_and_then_comes_from_the_cache(
    cache: Path, site: tuple[Path, str]
) -> None:
    folder, url = site
    (folder / "m.tflite").write_bytes(b"model")
    pin = sha256(b"model").hexdigest()
    source = a_model(Source(url=f"{url}/m.tflite", sha256=pin))
    first = artifacts.model_files(source)["tflite"]
    assert (first.path.read_bytes(), first.sha256, first.size_bytes) == (b"model", pin, 5)
    (folder / "m.tflite").unlink()
    assert artifacts.model_files(source)["tflite"] == first


def test_a_download_that_does_not_match_leaves_nothing_behind(
    cache: Path, site: tuple[Path, str]
) -> None:
    folder, url = site
    (folder / "m.tflite").write_bytes(b"tampered")
    with pytest.raises(SuiteError, match=sha256(b"tampered").hexdigest()):
        artifacts.model_files(a_model(Source(url=f"{url}/m.tflite", sha256="0" * 64)))
    assert everything_in(cache) == []


def test_a_download_that_ends_early_leaves_nothing_behind(cache: Path, tmp_path: Path) -> None:
    server = serve(CutShort, tmp_path)
    url = f"http://127.0.0.1:{server.server_address[1]}/m.tflite"
    with pytest.raises(SuiteError, match=r"cannot be fetched|ended after"):
        artifacts.fetch(url)
    server.shutdown()
    server.server_close()
    assert everything_in(cache) == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "ftp://example.org/x", "file:///etc/passwd"]
)
def test_what_cannot_be_fetched_is_one_clear_error(cache: Path, url: str) -> None:
    with pytest.raises(SuiteError) as caught:
        artifacts.fetch(url)
    assert url in str(caught.value)
    assert caught.value.hint


def test_a_tfjs_model_is_fetched_with_its_shards_and_pinned_as_a_whole(
    cache: Path, site: tuple[Path, str]
) -> None:
    folder, url = site
    manifest = [{"paths": ["b.bin", "a.bin"], "weights": []}]
    (folder / "model.json").write_text(json.dumps({"weightsManifest": manifest}))
    (folder / "a.bin").write_bytes(b"a")
    (folder / "b.bin").write_bytes(b"b")
    fetched = artifacts.fetch(f"{url}/model.json", "tfjs")
    pinned = Source(url=f"{url}/model.json", sha256=fetched.sha256)
    file = artifacts.model_files(a_model(pinned, "tfjs"))["tfjs"]
    assert file.sha256 == fetched.sha256
    assert file.size_bytes == (folder / "model.json").stat().st_size + 2
    (folder / "a.bin").write_bytes(b"x")
    assert artifacts.fetch(f"{url}/model.json", "tfjs").sha256 != fetched.sha256


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "http://elsewhere/x"])
def test_a_manifest_that_reaches_outside_its_folder_is_refused(
    cache: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"weightsManifest": [{"paths": [name]}]}))
    with pytest.raises(SuiteError, match="outside the model's folder"):
        artifacts.model_files(a_model(Source(path=path), "tfjs"))


def test_a_missing_file_and_a_wrong_pin_are_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="not there"):
        artifacts.model_files(a_model(Source(path=tmp_path / "nope.tflite")))
    known = replace(a_model(Source(path=tmp_path / "nope.tflite")), origin="make real-models")
    with pytest.raises(SuiteError) as caught:
        artifacts.model_files(known)
    assert "make real-models" in caught.value.hint
    (tmp_path / "m.tflite").write_bytes(b"model")
    with pytest.raises(SuiteError, match="the suite pins"):
        artifacts.model_files(a_model(Source(path=tmp_path / "m.tflite", sha256="0" * 64)))
    tool = ToolSource("benchmark_model", "arm64-v8a", Source(path=tmp_path / "nope"))
    with pytest.raises(SuiteError, match="the tool is not there"):
        artifacts.tool_files([tool])


def test_a_full_cache_disk_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("EDGEBENCH_CACHE", str(blocked))
    with pytest.raises(SuiteError, match="cache cannot be written") as caught:
        artifacts.fetch("http://127.0.0.1:9/x")
    assert "EDGEBENCH_CACHE" in caught.value.hint


def test_a_web_only_suite_generates_without_the_tflite_writer(cache: Path) -> None:
    source = ModelSource("m", "fp32", Generated("blazeface_front", 7), {}, (), "cpu", 1e-4)
    assert set(artifacts.model_files(source, ["tfjs"])) == {"tfjs"}
    assert not any(path.suffix == ".tflite" for path in everything_in(cache))


@pytest.mark.litert
def test_a_generated_model_is_made_once_in_every_format(cache: Path) -> None:
    source = ModelSource("m", "fp32", Generated("blazeface_front", 7), {}, (), "cpu", 1e-4)
    first = artifacts.model_files(source)
    assert set(first) == {"tflite", "tfjs", "onnx"}
    stamps = {path: path.stat().st_mtime_ns for path in everything_in(cache)}
    assert artifacts.model_files(source) == first
    assert {path: path.stat().st_mtime_ns for path in everything_in(cache)} == stamps


@pytest.mark.litert
def test_a_generated_file_of_small_numbers_is_a_tflite_alone_beside_the_others(cache: Path) -> None:
    def files(precision: Precision) -> Any:
        generated = Generated("blazeface_front", 7, precision)
        return artifacts.model_files(ModelSource("m", precision, generated, {}, (), "cpu", 1.0))

    whole, small = files("fp32"), files("int8")
    assert set(small) == {"tflite"}
    assert small["tflite"].size_bytes < whole["tflite"].size_bytes / 2
    assert small["tflite"].sha256 != whole["tflite"].sha256
    assert files("int8") == small


def test_a_tool_that_is_not_pinned_is_refused_with_the_command_that_pins_it(tmp_path: Path) -> None:
    (tmp_path / "bm").write_bytes(b"tool")
    with pytest.raises(SuiteError, match="'bm' is not pinned") as caught:
        artifacts.tool_files([ToolSource("bm", "x86", Source(path=tmp_path / "bm"))])
    assert caught.value.exit_code == 2
    assert "edgebench lock" in caught.value.hint


def test_a_damaged_entry_of_the_cache_is_fetched_again_and_put_right(
    cache: Path, site: tuple[Path, str]
) -> None:
    folder, url = site
    (folder / "m.tflite").write_bytes(b"model")
    pin = sha256(b"model").hexdigest()
    source = a_model(Source(url=f"{url}/m.tflite", sha256=pin))
    path = artifacts.model_files(source)["tflite"].path
    assert path.parent == cache / "sha256" / pin
    path.write_bytes(b"damaged")
    assert artifacts.model_files(source)["tflite"].path.read_bytes() == b"model"
    assert everything_in(cache) == [path]


def test_two_processes_may_fetch_one_file_at_the_same_time(
    cache: Path, site: tuple[Path, str]
) -> None:
    folder, url = site
    (folder / "m.tflite").write_bytes(b"m" * 100_000)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: artifacts.fetch(f"{url}/m.tflite"), range(16)))
    assert {one.path.read_bytes() for one in found} == {b"m" * 100_000}
    assert everything_in(cache) == [found[0].path]
