"""A workload is its module and its assets, all of them hashed and named one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import suite_fakes

from harness.errors import SuiteError
from harness.suite.load import parse
from harness.suite.values import WorkloadSource
from harness.workload_files import found_workload


def a_module(folder: Path, **source: object) -> WorkloadSource:
    (folder / "m.js").write_text("export {}")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "a.bin").write_bytes(b"1")
    return WorkloadSource(folder / "m.js", ("data/a.bin",), **source)  # type: ignore[arg-type]


def test_its_files_are_served_by_their_paths_from_the_modules_folder(tmp_path: Path) -> None:
    found = found_workload(a_module(tmp_path))
    assert found.files == {"m.js": tmp_path / "m.js", "data/a.bin": tmp_path / "data" / "a.bin"}
    assert found.module == "m.js"


@pytest.mark.parametrize("name", ["m.js", "data/a.bin"])
def test_any_changed_file_is_another_workload(tmp_path: Path, name: str) -> None:
    source = a_module(tmp_path)
    before = found_workload(source).sha256
    assert found_workload(source).sha256 == before
    (tmp_path / name).write_bytes(b"changed")
    assert found_workload(source).sha256 != before


@pytest.mark.parametrize("name", ["m.js", "data/a.bin"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    source = a_module(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SuiteError) as caught:
        found_workload(source)
    assert caught.value.where == str(tmp_path / name)


def suite(workload: str) -> str:
    return f"""\
suite: s
models:
  m: {{generate: mobilenet_v2, workload: {workload}, licence: MIT, source: a package}}
targets:
  t: {{driver: web-tfjs, variants: {{v: {{wasm: plain}}}}}}
"""


def test_a_text_alone_is_the_module_and_paths_count_from_the_suite() -> None:
    [model] = parse(suite("x/m.js"), Path("/a/s.yaml"), plugins=suite_fakes.plugins).models
    assert model.workload == WorkloadSource(Path("/a/x/m.js"))
    assert (model.licence, model.origin) == ("MIT", "a package")


@pytest.mark.parametrize(
    ("workload", "word"),
    [
        ("{module: m.js, assets: [../secret]}", "no plain path"),
        ("{module: m.js, assets: [/etc/passwd]}", "no plain path"),
        ("{module: m.js, assets: [a/../../b]}", "no plain path"),
        ("{module: m.js, assets: [./a]}", "no plain path"),
        ("{modul: m.js}", "did you mean 'module'"),
        ("{module: m.js, options: {a: [1]}}", "options"),
        ("{module: m.js, schedule: {frames_per_second: 0}}", "frames_per_second"),
        ("7", "the path of a module"),
    ],
)
def test_a_mistake_in_a_workload_is_told_in_words(workload: str, word: str) -> None:
    with pytest.raises(SuiteError, match=word):
        parse(suite(workload), Path("/a/s.yaml"), plugins=suite_fakes.plugins)
