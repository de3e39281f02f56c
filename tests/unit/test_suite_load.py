"""What a right suite means, as values."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
import suite_fakes
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.options import Sampling, Timed, Warmup
from harness.suite.finding import SuiteMistakes
from harness.suite.load import load, parse
from harness.suite.values import Generated, InputSpec, Source, Suite, ToolSource, Variant

ROOT = Path(__file__).parents[2]
QUICKSTART = (ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8")
SHA = "0123456789abcdef" * 4
WHOLE = f"""\
suite: whole thing
models:
  built: {{generate: mobilenet_v2}}
  files:
    tflite: models/a.tflite
    tfjs: {{url: https://example.org/m/model.json, sha256: {SHA.upper()}}}
    inputs:
      serving_default_input:0: {{shape: [1, 224, 224, 3], dtype: float32, range: [-1, 1]}}
      mask: {{file: ~/mask.bin}}
    reference: outputs.npz
    tolerance: 1e-3
targets:
  phone:
    driver: android-tflite
    device: R5CR10ABCDE
    baseline: one
    ratios: [four/two, two/one, one/four, four/two]
    variants:
      one: {{}}
      two: {{threads: 2, xnnpack: false, flags: [--use_gpu=false]}}
      four: {{threads: 4, xnnpack: null}}
    sampling: {{cooldown_s: 5, warmup: {{iterations: 3}}, min_effect: 5%}}
  page:
    driver: web-tfjs
    variants: {{simd: {{wasm: simd}}}}
tools:
  benchmark_model:
    arm64-v8a: {{path: ../bm, sha256: {SHA}, abi: arm64-v8a}}
    armeabi-v7a: /opt/bm
sampling: {{blocks: 6, seed: 3, warmup: {{iterations: 9, seconds: 0.5}}, timed: {{iterations: 7}}}}
"""


def parsed(text: str, path: str = "/suites/s.yaml") -> Suite:
    return parse(text, Path(path), plugins=suite_fakes.plugins)


def test_models_are_generated_or_files_resolved_against_the_suite() -> None:
    suite = parsed(WHOLE)
    built, files = suite.models
    assert built.generated == Generated("mobilenet_v2", 1, options=suite_fakes.NetOptions())
    assert (built.files, built.inputs, built.reference) == ({}, (), "cpu")
    assert (built.file, built.tolerance) == ("fp32", 1e-4)
    assert files.generated is None
    assert files.files == {
        "tflite": Source(path=Path("/suites/models/a.tflite")),
        "tfjs": Source(url="https://example.org/m/model.json", sha256=SHA),
    }
    assert files.inputs == (
        InputSpec("serving_default_input:0", (1, 224, 224, 3), "float32", -1.0, 1.0, None),
        InputSpec("mask", file=Path.home() / "mask.bin"),
    )
    assert files.reference == Path("/suites/outputs.npz")
    assert files.tolerance == 1e-3


def test_tools_are_named_by_abi() -> None:
    assert parsed(WHOLE).tools == (
        ToolSource("benchmark_model", "arm64-v8a", Source(path=Path("/bm"), sha256=SHA)),
        ToolSource("benchmark_model", "armeabi-v7a", Source(path=Path("/opt/bm"))),
    )


def test_a_tool_of_one_build_may_have_its_hash_beside_it_and_says_its_kind() -> None:
    text = WHOLE.replace("tools:\n", f"tools:\n  new: {{x86_64: n, sha256: {SHA}, kind: litert}}\n")
    assert parsed(text).tools[0] == ToolSource(
        "new", "x86_64", Source(path=Path("/suites/n"), sha256=SHA), "litert"
    )


def test_targets_have_their_drivers_typed_options() -> None:
    phone, page = parsed(WHOLE).targets
    assert (phone.name, phone.driver) == ("phone", "android-tflite")
    assert phone.options == suite_fakes.PhoneTarget(device="R5CR10ABCDE")
    assert phone.variants == (
        Variant("one", suite_fakes.PhoneVariant()),
        Variant(
            "two", suite_fakes.PhoneVariant(threads=2, xnnpack=False, flags=("--use_gpu=false",))
        ),
        Variant("four", suite_fakes.PhoneVariant(threads=4)),
    )
    assert page.options == suite_fakes.WebTarget()


def test_ratios_to_the_baseline_come_first_and_none_comes_twice() -> None:
    phone, page = parsed(WHOLE).targets
    assert phone.baseline == "one"
    assert phone.ratios == (("two", "one"), ("four", "one"), ("four", "two"), ("one", "four"))
    assert (page.baseline, page.ratios) == (None, ())


def test_a_targets_sampling_is_laid_over_the_suites_key_by_key() -> None:
    suite = parsed(WHOLE)
    whole = Sampling(
        blocks=6, seed=3, warmup=Warmup(iterations=9, seconds=0.5), timed=Timed(iterations=7)
    )
    phone, page = suite.targets
    assert suite.sampling == page.sampling == whole
    assert phone.sampling == Sampling(
        blocks=6,
        seed=3,
        warmup=Warmup(iterations=3, seconds=0.5),
        timed=Timed(iterations=7),
        cooldown_s=5.0,
        min_effect=0.05,
    )


def test_the_text_is_kept_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    raw = ("\ufeff" + QUICKSTART.replace("\n", "\r\n")).encode()
    path.write_bytes(raw)
    suite = load(path, plugins=suite_fakes.plugins)
    assert suite.text.encode() == raw
    assert suite.path == path
    assert suite.name == "quickstart"


def test_paths_count_from_the_suites_folder_wherever_it_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "s.yaml").write_text(WHOLE)
    monkeypatch.chdir(tmp_path)
    suite = load(Path("configs/s.yaml"), plugins=suite_fakes.plugins)
    assert suite.models[1].files["tflite"].path == tmp_path / "configs" / "models" / "a.tflite"
    assert suite.tools[0].source.path == tmp_path / "bm"


def test_the_quickstart_says_what_the_readme_promises() -> None:
    suite = parsed(QUICKSTART)
    assert [model.name for model in suite.models] == ["mobilenet_v2", "blazeface"]
    chromium, device = suite.targets
    assert chromium.ratios == (("simd", "plain"), ("simd-2t", "plain"), ("simd-2t", "simd"))
    assert device.ratios == (("cpu-2", "cpu-1"),)
    assert (suite.sampling.blocks, suite.sampling.seed) == (6, 1)


NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\,="),
    min_size=1,
    max_size=16,
).filter(lambda name: name.isprintable() and name[0] not in ".-")


@given(NAMES, NAMES)
@settings(deadline=None)
def test_every_printable_name_goes_through_unchanged(model: str, variant: str) -> None:
    quoted_model, quoted_variant = (name.replace("'", "''") for name in (model, variant))
    suite = parsed(
        f"suite: s\nmodels: {{'{quoted_model}': {{generate: mobilenet_v2}}}}\ntargets:\n"
        f"  t: {{driver: web-tfjs, baseline: '{quoted_variant}', ratios: ['b/{quoted_variant}'],"
        f" variants: {{'{quoted_variant}': {{wasm: plain}}, 'b': {{wasm: simd}}}}}}\n"
        if variant != "b"
        else f"suite: s\nmodels: {{'{quoted_model}': {{generate: mobilenet_v2}}}}\n"
        "targets: {t: {driver: web-tfjs, baseline: b, variants: {b: {wasm: simd}}}}\n"
    )
    assert suite.models[0].name == model
    assert suite.targets[0].baseline == variant


@given(st.text(max_size=70))
@settings(deadline=None, max_examples=300)
def test_no_name_gets_through_that_a_folder_or_an_option_could_not_hold(name: str) -> None:
    escaped = "".join(f"\\U{ord(character):08x}" for character in name)
    try:
        suite = parsed(QUICKSTART.replace("suite: quickstart", f'suite: "{escaped}"'))
    except SuiteMistakes:
        return
    assert suite.name == name
    assert name.isprintable()
    assert not set(name) & set("/\\,=")
    assert name not in {"", ".", ".."}
    assert len(name.encode()) <= 200
    assert name == name.strip()
    assert name[0] not in string.whitespace + "-."


def test_several_files_are_entries_of_their_own_each_with_its_tolerance() -> None:
    text = WHOLE.replace("models:\n", "models:\n" + SEVERAL, 1)
    entries = [model for model in parsed(text).models if model.name in {"many", "given"}]
    assert [(m.file, m.tolerance, m.has_original) for m in entries if m.name == "many"] == [
        ("fp32", 1e-4, False),
        ("fp16", 1e-2, True),
        ("dynamic", 0.1, True),
        ("int8", 0.25, True),
    ]
    assert [m.generated.precision for m in entries if m.generated] == [
        "fp32",
        "fp16",
        "dynamic",
        "int8",
    ]
    assert [(m.file, m.tolerance, m.has_original) for m in entries if m.name == "given"] == [
        ("int8", 0.3, False),
        ("distilled", 1e-4, False),
    ]
    assert entries[-1].files == {"tflite": Source(path=Path("/suites/d.tflite"))}


SEVERAL = """\
  many: {generate: mobilenet_v2, files: [fp32, fp16, dynamic, int8]}
  given: {files: {int8: {tflite: q.tflite, tolerance: 0.3}, distilled: {tflite: d.tflite}}}
"""
