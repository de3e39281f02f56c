"""Locking pins every URL and ABI, and changes nothing else in the file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
import suite_fakes
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import SuiteError, TargetError
from harness.plugins import ModelFormat
from harness.suite import document
from harness.suite.load import load, parse
from harness.suite.lock import LockReport, lock
from harness.suite.nodes import data

HEAD = "suite: s\ntargets: {t: {driver: web-tfjs, variants: {v: {wasm: simd}}}}\n"
ARM64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00" + bytes(44)
ARM32 = b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x03\x00\x28\x00" + bytes(44)


@dataclass(frozen=True)
class Fetched:
    path: Path
    sha256: str


@dataclass
class Web:
    """A made-up web: URL → content; counts what was fetched."""

    folder: Path
    content: Mapping[str, bytes]
    asked: list[tuple[str, ModelFormat | None]] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __call__(self, url: str, format_: ModelFormat | None) -> Fetched:
        self.asked.append((url, format_))
        self.meanwhile()
        digest = sha256(self.content[url]).hexdigest()
        path = self.folder / digest
        path.write_bytes(self.content[url])
        return Fetched(path, digest)


A, B, TOOL = (
    "https://example.org/a.tflite",
    "http://example.org/b/model.json",
    "https://t.org/arm64",
)
CONTENT = {A: b"model a", B: b"model b", TOOL: ARM64}
SHA = {url: sha256(content).hexdigest() for url, content in CONTENT.items()}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    folder = tmp_path / "fetched"
    folder.mkdir()
    return Web(folder, CONTENT)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return tmp_path / "s.yaml"


def locked(suite: Path, text: str, web: Web) -> tuple[str, LockReport]:
    suite.write_bytes((HEAD + text).encode())
    report = lock(suite, web, plugins=suite_fakes.plugins)
    return suite.read_bytes().decode().removeprefix(HEAD), report


LAYOUTS = [
    (
        f"models: {{m: {{tflite: {A}}}}}  # short\n",
        f"models: {{m: {{tflite: {{url: {A}, sha256: {SHA[A]}}}}}}}  # short\n",
    ),
    (
        f"models:\n  m:\n    tflite: {A}  # a comment\n    # another\n",
        f"models:\n  m:\n    tflite: {{url: {A}, sha256: {SHA[A]}}}  # a comment\n    # another\n",
    ),
    (
        f"models:\n  m:\n    tflite:\n      url: {A}   # here\n\n    tolerance: 1e-3\n",
        f"models:\n  m:\n    tflite:\n      url: {A}   # here\n      sha256: {SHA[A]}\n\n    tolerance: 1e-3\n",
    ),
    (
        f"models:\n  m:\n    tflite:\n      url: '{A}'",
        f"models:\n  m:\n    tflite:\n      url: '{A}'\n      sha256: {SHA[A]}",
    ),
    (
        f"models:\r\n  m:\r\n    tflite:\r\n      url: {A} # é\r\n    tfjs: {B}\r\n",
        f"models:\r\n  m:\r\n    tflite:\r\n      url: {A} # é\r\n      sha256: {SHA[A]}\r\n    tfjs: {{url: {B}, sha256: {SHA[B]}}}\r\n",
    ),
    (
        f"models:\n  m: {{\n    tfjs: {{\n      url: {B} # the graph\n    }},\n  }}\n",
        f"models:\n  m: {{\n    tfjs: {{\n      url: {B}, sha256: {SHA[B]} # the graph\n    }},\n  }}\n",
    ),
    (
        f'models: {{m: {{"tfjs":{{"url":"{B}"}}}}}}\n',
        f'models: {{m: {{"tfjs":{{"url":"{B}", sha256: {SHA[B]}}}}}}}\n',
    ),
    (
        f"models:\n  m:\n    tflite:\n      url: >-\n        {A}\n\n    tolerance: 1e-3\n",
        f"models:\n  m:\n    tflite:\n      url: >-\n        {A}\n\n      sha256: {SHA[A]}\n    tolerance: 1e-3\n",
    ),
    (
        f"models:\n  m:\n    tflite: &a {A}\n  n:\n    tflite: *a\n",
        f"models:\n  m:\n    tflite: {{url: &a {A}, sha256: {SHA[A]}}}\n  n:\n    tflite: {{url: *a, sha256: {SHA[A]}}}\n",
    ),
    (
        f"models:\n  m:\n    tflite: &a\n      url: {A}\n  n:\n    tflite: *a\n",
        f"models:\n  m:\n    tflite: &a\n      url: {A}\n      sha256: {SHA[A]}\n  n:\n    tflite: *a\n",
    ),
    (
        f"models: {{m: {{generate: mobilenet_v2}}}}\ntools:\n  bm:\n    arm64-v8a: '{TOOL}'\n",
        f"models: {{m: {{generate: mobilenet_v2}}}}\ntools:\n  bm:\n    arm64-v8a: {{url: '{TOOL}', sha256: {SHA[TOOL]}, abi: arm64-v8a}}\n",
    ),
    (
        f"models: {{m: {{generate: mobilenet_v2}}}}\ntools:\n  bm:\n    arm64-v8a:\n      sha256: {SHA[TOOL]}\n      url: {TOOL}\n",
        f"models: {{m: {{generate: mobilenet_v2}}}}\ntools:\n  bm:\n    arm64-v8a:\n      sha256: {SHA[TOOL]}\n      url: {TOOL}\n      abi: arm64-v8a\n",
    ),
    (
        f"models: {{m: {{generate: mobilenet_v2}}}}\ntools:\n  bm:\n    arm64-v8a:\n      url: {TOOL}\n      sha256: {SHA[TOOL]}  # kept\n",
        f"models: {{m: {{generate: mobilenet_v2}}}}\ntools:\n  bm:\n    arm64-v8a:\n      url: {TOOL}\n      sha256: {SHA[TOOL]}  # kept\n      abi: arm64-v8a\n",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), LAYOUTS)
def test_pins_are_written_and_everything_else_stays(
    suite: Path, web: Web, before: str, after: str
) -> None:
    found, report = locked(suite, before, web)
    assert found == after
    assert report.changed
    assert {pin.outcome for pin in report.pins} == {"pinned"}
    load(suite, plugins=suite_fakes.plugins)


@pytest.mark.parametrize(("before", "after"), LAYOUTS)
def test_locking_again_changes_nothing(suite: Path, web: Web, before: str, after: str) -> None:
    locked(suite, before, web)
    content, stamp = suite.read_bytes(), suite.stat().st_mtime_ns
    report = lock(suite, web, plugins=suite_fakes.plugins)
    assert not report.changed
    assert {pin.outcome for pin in report.pins} == {"unchanged"}
    assert (suite.read_bytes(), suite.stat().st_mtime_ns) == (content, stamp)


SPACE = st.sampled_from(["", "  # a comment", "   "])
BREAKS = st.sampled_from(["", "\n", "# between: {x}\n", "    # indented\n\n"])
QUOTES = st.sampled_from(["", "'", '"'])


@st.composite
def sources(draw: st.DrawFn, url: str, indent: str) -> str:
    """Draw one way to write a source: alone, in braces, or in lines; pinned or not."""
    quote = draw(QUOTES)
    address = f"{quote}{url}{quote}"
    pinned = draw(st.booleans())
    match draw(st.sampled_from(["alone", "braces", "lines"])):
        case "alone":
            return f" {address}{draw(SPACE)}\n"
        case "braces":
            pin = f", sha256: {SHA[url]}" if pinned else draw(st.sampled_from(["", ", ", " "]))
            return f" {{url: {address}{pin}}}{draw(SPACE)}\n"
        case _:
            lines = [f"{indent}  url: {address}{draw(SPACE)}\n"]
            if pinned:
                lines.insert(draw(st.integers(0, 1)), f"{indent}  sha256: {SHA[url]}\n")
            return draw(SPACE) + "\n" + draw(BREAKS).join(lines)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_in_any_layout_only_pins_are_added(
    tmp_path_factory: pytest.TempPathFactory, drawn: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("lock")
    text = HEAD + "models:\n"
    for name in drawn.draw(st.lists(st.sampled_from("abc"), unique=True, min_size=1)):
        text += f"  {name}:\n    tflite:" + drawn.draw(sources(A, "    ")) + drawn.draw(BREAKS)
        text += "    tfjs:" + drawn.draw(sources(B, "    "))
    text += "tools:\n  bm:\n    arm64-v8a:" + drawn.draw(sources(TOOL, "    ")) + drawn.draw(BREAKS)
    if drawn.draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    path = folder / "s.yaml"
    path.write_bytes(text.encode())
    web = Web(folder, CONTENT)
    lock(path, web, plugins=suite_fakes.plugins)
    after = path.read_bytes().decode()
    loaded = parse(after, path, plugins=suite_fakes.plugins)
    unpinned = parse(text, path, plugins=suite_fakes.plugins, pinned=False)
    assert [model.files.keys() for model in loaded.models] == [
        model.files.keys() for model in unpinned.models
    ]
    assert {source.sha256 for model in loaded.models for source in model.files.values()} == {
        SHA[A],
        SHA[B],
    }
    assert loaded.targets == unpinned.targets
    # Characters were only inserted: the old text is still there, in its order.
    rest = iter(after)
    assert all(character in rest for character in text)
    assert len(after.splitlines()) <= len(text.splitlines()) + 2 * after.count("sha256")
    assert _comments(after) == _comments(text)
    assert not lock(path, web, plugins=suite_fakes.plugins).changed


def _comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.split("\n") if "#" in line]


def test_a_pin_that_no_longer_holds_names_both_hashes_and_writes_nothing(
    suite: Path, web: Web
) -> None:
    old = "0" * 63 + "a"
    text = f"models:\n  m:\n    tflite: {{url: {A}, sha256: {old}}}\n    tfjs: {B}\n"
    with pytest.raises(SuiteError) as caught:
        locked(suite, text, web)
    assert old in str(caught.value)
    assert SHA[A] in str(caught.value)
    assert f"{suite}:5:5: " in str(caught.value)
    assert suite.read_text() == HEAD + text
    assert [path.name for path in suite.parent.iterdir() if path.is_file()] == ["s.yaml"]


def test_all_that_is_wrong_is_told_at_once(suite: Path, web: Web, tmp_path: Path) -> None:
    (tmp_path / "arm32").write_bytes(ARM32)
    (tmp_path / "script").write_bytes(b"#!/bin/sh\n")
    text = (
        f"models: {{m: {{tflite: {{url: {A}, sha256: {'0' * 64}}}}}}}\n"
        f"tools: {{bm: {{x86_64: {TOOL}, arm64-v8a: arm32, x86: script}}}}\n"
    )
    with pytest.raises(SuiteError) as caught:
        locked(suite, text, web)
    said = str(caught.value)
    assert "x86_64: https://t.org/arm64 is a program for arm64-v8a; move it" in said
    assert f"arm64-v8a: {tmp_path / 'arm32'} is a program for armeabi-v7a" in said
    assert "this is no ELF program" in said
    assert "pinned as sha256" in said
    assert suite.read_text() == HEAD + text


def test_programs_by_path_are_pinned_and_missing_ones_are_told(
    suite: Path, web: Web, tmp_path: Path
) -> None:
    (tmp_path / "arm32").write_bytes(ARM32)
    _, report = locked(
        suite,
        "models: {m: {generate: mobilenet_v2}}\n"
        "tools: {bm: {armeabi-v7a: arm32, arm64-v8a: not/here}}\n",
        web,
    )
    digest = sha256(ARM32).hexdigest()
    assert [(pin.where, pin.outcome, pin.abi) for pin in report.pins] == [
        ("tools.bm.arm64-v8a", "missing", None),
        ("tools.bm.armeabi-v7a", "pinned", "armeabi-v7a"),
    ]
    assert suite.read_text().endswith(
        f"tools: {{bm: {{armeabi-v7a: {{path: arm32, sha256: {digest}, abi: armeabi-v7a}}, "
        "arm64-v8a: not/here}}\n"
    )
    assert web.asked == []


def test_a_program_that_changed_since_it_was_pinned_is_told_with_both_hashes(
    suite: Path, web: Web, tmp_path: Path
) -> None:
    (tmp_path / "arm32").write_bytes(ARM32)
    text = (
        "models: {m: {generate: mobilenet_v2}}\n"
        f"tools: {{bm: {{armeabi-v7a: arm32, sha256: {'0' * 64}, kind: litert}}}}\n"
    )
    with pytest.raises(SuiteError, match="the file is now") as caught:
        locked(suite, text, web)
    assert sha256(ARM32).hexdigest() in str(caught.value)
    right = text.replace("0" * 64, sha256(ARM32).hexdigest())
    _, report = locked(suite, right, web)
    assert [(pin.outcome, report.changed) for pin in report.pins] == [("unchanged", False)]


def test_urls_of_several_files_are_pinned_where_they_stand(suite: Path, web: Web) -> None:
    text = f"models:\n  m:\n    files:\n      fp32:\n        tflite: {A}  # whole\n      int8: {{tflite: {A}}}\n"
    _, report = locked(suite, text, web)
    pinned = f"{{url: {A}, sha256: {SHA[A]}}}"
    assert suite.read_text() == HEAD + text.replace(f" {A}", f" {pinned}")
    assert [pin.where for pin in report.pins] == [
        "models.m.files.fp32.tflite",
        "models.m.files.int8.tflite",
    ]


def test_a_url_is_fetched_once_and_with_its_format(suite: Path, web: Web) -> None:
    locked(suite, f"models: {{a: {{tflite: {A}, tfjs: {B}}}, b: {{tflite: {A}}}}}\n", web)
    assert web.asked == [(A, "tflite"), (B, "tfjs")]


def test_a_suite_with_other_mistakes_is_not_locked(suite: Path, web: Web) -> None:
    with pytest.raises(SuiteError, match="unknown key 'tflit'"):
        locked(suite, f"models: {{a: {{tflit: {A}}}}}\n", web)
    assert web.asked == []


def test_a_download_that_fails_writes_nothing(suite: Path, web: Web) -> None:
    def fails() -> None:
        raise TargetError("offline", hint="plug it in")

    web.meanwhile = fails
    text = f"models: {{a: {{tflite: {A}}}}}\n"
    with pytest.raises(TargetError):
        locked(suite, text, web)
    assert suite.read_text() == HEAD + text


def test_an_edit_made_meanwhile_is_not_overwritten(suite: Path, web: Web) -> None:
    web.meanwhile = lambda: suite.write_text("suite: mine\n")
    with pytest.raises(SuiteError, match="was changed while"):
        locked(suite, f"models: {{a: {{tflite: {A}}}}}\n", web)
    assert suite.read_text() == "suite: mine\n"


def test_a_link_stays_a_link_and_the_mode_stays(suite: Path, web: Web, tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text(HEAD + f"models: {{a: {{tflite: {A}}}}}\n")
    real.chmod(0o640)
    suite.symlink_to(real)
    lock(suite, web, plugins=suite_fakes.plugins)
    assert suite.is_symlink()
    assert SHA[A] in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_written_is_a_clear_error(
    suite: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuses)
    text = f"models: {{a: {{tflite: {A}}}}}\n"
    with pytest.raises(SuiteError, match="cannot be written: Permission denied"):
        locked(suite, text, web)
    assert suite.read_text() == HEAD + text


def test_a_layout_that_cannot_take_pins_is_left_alone_and_told(suite: Path, web: Web) -> None:
    text = f"models:\n  m:\n    tflite:\n      ? url\n      : {A}\n"
    with pytest.raises(SuiteError) as caught:
        locked(suite, text, web)
    assert SHA[A] in caught.value.hint
    assert suite.read_text() == HEAD + text


def test_a_hash_that_looks_like_a_number_is_quoted(suite: Path, tmp_path: Path) -> None:
    digest = "1" * 61 + "e12"
    assert document.scalar_value(digest) != digest

    def fetch(url: str, format_: ModelFormat | None) -> Fetched:
        path = tmp_path / "x"
        path.write_bytes(b"x")
        return Fetched(path, digest)

    suite.write_text(HEAD + f"models:\n  a: {{tflite: {A}}}\n  b:\n    tflite:\n      url: {A}\n")
    lock(suite, fetch, plugins=suite_fakes.plugins)
    assert suite.read_text().count(f"sha256: '{digest}'") == 2
    loaded = load(suite, plugins=suite_fakes.plugins)
    assert [model.files["tflite"].sha256 for model in loaded.models] == [digest, digest]


def test_an_address_with_signs_of_yaml_in_it_survives(suite: Path, tmp_path: Path) -> None:
    url = "https://example.org/a,b[1]{2}?x=1&y='2'#frag"
    web = Web(tmp_path, {url: b"content"})
    locked(suite, f"models:\n  m:\n    tflite: {url}\n", web)
    root = document.read(suite.read_text()).root
    assert root is not None
    assert data(root)["models"]["m"]["tflite"]["url"] == url


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' programs are not ELF")
def test_a_real_program_of_this_host_is_recognised(suite: Path, web: Web) -> None:
    machine = {"x86_64": "x86_64", "aarch64": "arm64-v8a", "riscv64": "riscv64"}[os.uname().machine]
    text = f"models: {{m: {{generate: mobilenet_v2}}}}\ntools: {{bm: {{{machine}: {sys.executable}}}}}\n"
    _, report = locked(suite, text, web)
    assert [(pin.outcome, pin.abi) for pin in report.pins] == [("pinned", machine)]
