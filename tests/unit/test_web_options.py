"""What a suite may say of a browser target: mistakes are told in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.web_tfjs import PLUGIN
from harness.errors import RunFailed, SuiteError, TargetNotFound, TargetUnfit
from harness.options import PhoneReference
from harness.plugins import ModelFile, TargetSpec
from harness.serials import bench_of
from harness.tools.tfjs_page import gpu_kind, threads_as_shipped
from harness.web_lane.packages import files_for_node, modules_in
from harness.web_lane.tfjs.options import VariantOptions
from harness.web_lane.tfjs.runtime import installed_tfjs


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        ({"wasm": "threaded-simd"}, "needs `threads`"),
        ({"wasm": "plain", "threads": 2}, "leave `threads` out"),
        ({"wasm": "simd", "threads": 1}, "leave `threads` out"),
        ({"wasm": "threaded-simd", "threads": 0}, "greater than or equal to 1"),
        ({"wasm": "threaded-simd", "threads": 9}, "less than or equal to 8"),
        ({"wasm": "threads"}, "plain"),
        ({"backend": "webgl", "wasm": "simd"}, "has no Wasm"),
        ({"backend": "cpu", "threads": 2}, "has no Wasm"),
        ({"wasm": "auto", "threads": 2}, "leaves threads to TF.js"),
        ({}, "wasm"),
        ({"wasm": "plain", "simd": True}, "simd"),
        ({"wasm": "threaded-simd", "threads": "2"}, "threads"),
    ],
)
def test_a_variant_that_makes_no_sense_is_refused_in_words(
    variant: dict[str, Any], word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        PLUGIN.variant_options(**variant)


def test_what_tfjs_takes_by_itself_is_asked_for_nothing_but_that_it_was_left_alone() -> None:
    runtime = installed_tfjs()
    auto = PLUGIN.variant_options(wasm="auto")
    call = runtime.call("u/", auto)
    assert (call.argument["flags"], call.argument["threads"]) == ({}, None)
    assert list(runtime.init_scripts(auto)) == []
    assert runtime.asked(auto) == {"backend": "wasm", "as_shipped": True}
    assert "wasm_sha256" not in runtime.subject(auto)


@pytest.mark.parametrize(
    ("cores", "threads"),
    # As getThreadsCount of TF.js 4.22.0 gave them in Chromium 156.
    [(1, 1), (2, 1), (3, 1), (4, 2), (6, 3), (8, 4), (12, 6), (16, 8), (32, 8), (64, 8)],
)
def test_the_threads_that_tfjs_takes_by_itself_are_those_that_were_read_back(
    cores: int, threads: int
) -> None:
    assert threads_as_shipped(cores) == threads


def test_all_browsers_of_this_host_stand_on_one_bench() -> None:
    for browser in ("chromium", "edge"):
        options = PLUGIN.target_options(browser=browser)
        assert PLUGIN.bench(options) == "host"
        assert not PLUGIN.is_virtual(options)
        assert PLUGIN.unsupported(options, PLUGIN.variant_options(wasm="plain")) == ""


PHONE: dict[str, Any] = {"browser": "chrome-android"}


def test_chrome_on_a_phone_stands_on_the_phones_bench() -> None:
    named = PLUGIN.target_options(**PHONE, device="R58M12ABCDE")
    assert PLUGIN.bench(named) == bench_of("R58M12ABCDE")
    assert PLUGIN.bench(PLUGIN.target_options(**PHONE)) == "phone:auto"
    virtual = PLUGIN.target_options(**PHONE, device="virtual")
    assert PLUGIN.bench(virtual) == "host"
    assert PLUGIN.is_virtual(virtual)
    with pytest.raises(SuiteError, match="a tag means phones"):
        PLUGIN.bench(PLUGIN.target_options(**PHONE, device=PhoneReference(tag="nightly")))


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"device": "virtual"}, "`device` belongs to `browser: chrome-android`"),
        ({"package": "com.chrome.beta"}, "`package` belongs to"),
        ({"browser": "edge", "conditions": {}}, "`conditions` belongs to"),
        ({**PHONE, "args": ["--x"]}, "`args` cannot be chosen on a phone"),
        ({**PHONE, "headless": True}, "`headless` cannot be chosen on a phone"),
        ({**PHONE, "package": "chrome; rm -rf /"}, "package"),
        ({"browser": "safari", "args": ["--x"]}, "`args` cannot be chosen for Safari"),
        ({"browser": "safari", "headless": True}, "`headless` cannot be chosen for Safari"),
    ],
)
def test_a_key_that_would_do_nothing_is_refused_in_words(keys: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        PLUGIN.target_options(**keys)


def test_a_missing_part_of_tfjs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    with pytest.raises(TargetNotFound) as caught:
        installed_tfjs()
    assert caught.value.kind == "tfjs-missing"
    assert "make setup" in caught.value.hint
    assert "tfjs-core" in caught.value.message


def test_packages_of_different_versions_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up_tfjs(tmp_path, {"tfjs-core": "4.22.0", "tfjs-converter": "4.21.0"})
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    with pytest.raises(TargetNotFound, match=r"4\.21\.0, 4\.22\.0"):
        installed_tfjs()


def test_the_hash_of_the_scripts_changes_with_any_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    made_up_tfjs(tmp_path, {})
    seen = {installed_tfjs().subject(PLUGIN.variant_options(wasm="simd"))["tfjs_sha256"]}
    scripts = installed_tfjs().wasm_scripts
    for name in scripts:
        installed_tfjs().files.paths[name].write_text("changed")
        seen.add(installed_tfjs().subject(PLUGIN.variant_options(wasm="simd"))["tfjs_sha256"])
    assert len(seen) == 1 + len(scripts)


def test_a_kept_tfjs_stays_what_it_was_when_another_one_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path / "modules"))
    made_up_tfjs(tmp_path / "modules", {})
    for inside, path in PLUGIN.runtime_files().items():
        kept = tmp_path / "kept" / inside
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
    before = installed_tfjs()
    before.files.paths[before.wasm_scripts[0]].write_text("newer")
    variant = PLUGIN.variant_options(wasm="simd")
    assert installed_tfjs(modules_in(tmp_path / "kept")).subject(variant) == before.subject(variant)
    assert installed_tfjs().subject(variant) != before.subject(variant)


def test_what_node_loads_is_kept_with_all_that_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    described = {
        "@tensorflow/core": {"main": "dist/a.node.js", "dependencies": {"dep": "1", "gone": "1"}},
        "dep": {"dependencies": {"@tensorflow/core": "1"}},
    }
    for package, said in described.items():
        (tmp_path / package / "dist").mkdir(parents=True)
        (tmp_path / package / "package.json").write_text(json.dumps(said))
    for file in ("dist/a.node.js", "dist/b.min.js", "dist/x.wasm"):
        (tmp_path / "@tensorflow/core" / file).write_text("")
    for file in ("index.js", "dist/data.json", "dist/notes.md"):
        (tmp_path / "dep" / file).write_text("")
    assert sorted(files_for_node(["@tensorflow/core"])) == [
        "node_modules/@tensorflow/core/dist/a.node.js",
        "node_modules/@tensorflow/core/dist/x.wasm",
        "node_modules/@tensorflow/core/package.json",
        "node_modules/dep/dist/data.json",
        "node_modules/dep/index.js",
        "node_modules/dep/package.json",
    ]


def test_what_layers_models_need_is_loaded_and_hashed_for_them_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path / "modules"))
    made_up_tfjs(tmp_path / "modules", {})
    kinds = {"graph": {"node": []}, "layers": {"model_config": {}}}
    found = {}
    for kind, topology in kinds.items():
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps({"modelTopology": topology, "weightsManifest": []}))
        found[kind] = installed_tfjs().for_model(ModelFile("tfjs", path, "0" * 64, 1))
    layers = "tfjs/tf-layers.min.js"
    assert layers in found["layers"].wasm_scripts
    assert found["graph"].wasm_scripts == installed_tfjs().wasm_scripts
    assert layers not in found["graph"].wasm_scripts
    variant = PLUGIN.variant_options(wasm="simd")
    hashes = {runtime.subject(variant)["tfjs_sha256"] for runtime in found.values()}
    assert len(hashes) == 2


def test_an_init_script_that_is_not_there_is_told_before_a_browser_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up_tfjs(tmp_path, {})
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    wrapper = tmp_path / "browser"
    wrapper.write_text("#!/bin/sh\necho Chromium 1.2.3.4\n")
    wrapper.chmod(0o755)
    options = PLUGIN.target_options(browser=str(wrapper), init_script=str(tmp_path / "none.js"))
    with pytest.raises(TargetUnfit, match="init_script"):
        PLUGIN.open(TargetSpec("web", options, {}, tmp_path))


def made_up_tfjs(folder: Path, versions: dict[str, str]) -> None:
    files = {
        "tfjs-core": ["tf-core.min.js"],
        "tfjs-converter": ["tf-converter.min.js"],
        "tfjs-layers": ["tf-layers.min.js"],
        "tfjs-backend-cpu": ["tf-backend-cpu.min.js"],
        "tfjs-backend-wasm": [
            "tf-backend-wasm.min.js",
            "tfjs-backend-wasm.wasm",
            "tfjs-backend-wasm-simd.wasm",
            "tfjs-backend-wasm-threaded-simd.wasm",
        ],
    }
    for package, names in files.items():
        root = folder / "@tensorflow" / package
        (root / "dist").mkdir(parents=True)
        (root / "package.json").write_text(f'{{"version": "{versions.get(package, "4.22.0")}"}}')
        for name in names:
            (root / "dist" / name).write_text(name)


@pytest.mark.parametrize(
    ("renderer", "fallback", "kind"),
    [
        (
            "ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)), SwiftShader driver)",
            None,
            "software",
        ),
        ("Mesa/X.org, llvmpipe (LLVM 15.0.6, 256 bits)", None, "software"),
        ("google swiftshader", True, "software"),
        ("someone something", True, "software"),
        ("ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)", None, "hardware"),
        ("nvidia ampere", False, "hardware"),
    ],
)
def test_a_gpu_in_software_is_called_so(renderer: str, fallback: bool | None, kind: str) -> None:
    assert gpu_kind(renderer, fallback=fallback) == kind


def test_a_back_end_that_is_not_installed_fails_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up_tfjs(tmp_path, {})
    monkeypatch.setenv("EDGEBENCH_NODE_MODULES", str(tmp_path))
    with pytest.raises(RunFailed) as caught:
        installed_tfjs().call("http://127.0.0.1:1/", VariantOptions(backend="webgl"))
    assert (caught.value.kind, caught.value.hint) == ("runtime-missing", "run: make runtimes")
