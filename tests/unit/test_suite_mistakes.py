"""Every mistake in a suite is told at once, with its place and what helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import suite_fakes

from harness.errors import EXIT_INPUT, PluginError, SuiteError
from harness.plugins import Kind, Registry
from harness.suite.finding import Finding, SuiteMistakes
from harness.suite.load import load, parse, validate

SUITES = Path(__file__).parents[1] / "fixtures" / "suites"
GOOD = """\
suite: good
models:
  net: {generate: mobilenet_v2, seed: 7}
targets:
  web:
    driver: web-tfjs
    baseline: plain
    variants:
      plain: {wasm: plain}
      simd: {wasm: simd}
"""


def told(text: str) -> list[Finding]:
    try:
        parse(text, Path("s.yaml"), plugins=suite_fakes.plugins)
    except SuiteMistakes as error:
        return list(error.findings)
    return []


@pytest.mark.parametrize("suite", sorted(SUITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_wrong_suite_shows_exactly_what_a_person_needs(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(SUITES)
    with pytest.raises(SuiteError) as caught:
        load(Path(suite.name), plugins=suite_fakes.plugins)
    expected = suite.with_suffix(".expected.txt").read_text(encoding="utf-8")
    assert str(caught.value) + "\n" == expected
    assert caught.value.exit_code == EXIT_INPUT
    assert caught.value.hint


def test_null_stands_for_a_key_of_sampling_that_is_not_there() -> None:
    assert told(GOOD + "sampling: {precision: null, blocks: 9, budget: null}\n") == []


def with_web(*lines: str) -> str:
    """Return a suite whose target `web` has these lines instead of its own."""
    head = GOOD[: GOOD.index("    driver")]
    return head + "".join(f"    {line}\n" for line in lines)


# « stands where the mistake must be found.
PLACED = [
    (GOOD.replace("suite: good", "suite: «my/bench"), "suite: a name has no / in it"),
    (GOOD.replace("suite: good", "suite: «1.10"), "suite: expected text, got the number 1.10"),
    (GOOD.replace("suite: good", "suite: «''"), "suite: a name is not empty"),
    (GOOD.replace("suite: good", "suite:«"), "suite: expected text, got nothing"),
    (GOOD.replace("suite: good", 'suite: «"\\e[31m"'), "suite: a name has no U+001B in it"),
    (GOOD.replace("suite: good", "suite: «..x"), "suite: a name does not begin with ."),
    (GOOD.replace("suite: good", "suite: «-x"), "suite: a name does not begin with -"),
    (GOOD.replace("suite: good", "suite: «" + "x" * 65), "suite: a name has at most 64"),
    (GOOD.replace("suite: good", "suite: «" + "\U0001f600" * 64), "suite: a name has at most 64"),
    ("«" + GOOD.replace("suite: good\n", ""), "missing key 'suite'"),
    (GOOD.replace("suite:", "«suit:"), "unknown key 'suit'"),
    (GOOD.replace("  net:", "  «n=t:"), "'n=t': a name has no = in it"),
    (GOOD.replace("  net:", "  «n,t:"), "'n,t': a name has no , in it"),
    (GOOD.replace("  net:", "  «10:"), "the key 10 is not text"),
    (GOOD.replace("seed: 7", "seed: «1_000"), "seed: expected a whole number, got the text '1_000'"),
    (GOOD.replace("seed: 7", "seed: «'7'"), "seed: expected a whole number, got the text '7'"),
    (GOOD.replace("seed: 7", "seed: «7.0"), "seed: expected a whole number, got the number 7.0"),
    (GOOD.replace("seed: 7", "seed: «-1"), "seed: expected 0 or more, got the number -1"),
    (GOOD.replace("seed: 7", "seed: «[7]"), "seed: expected a whole number, got a list"),
    (GOOD.replace("seed: 7", "sed: 7").replace("sed", "«sed"), "unknown key 'sed'"),
    (GOOD.replace("  web:\n", "  «web:\n").replace("    driver: web-tfjs\n", ""), "web: missing key 'driver'"),
    (GOOD.replace("plain\n    v", "«plan\n    v"), "baseline: there is no variant named 'plan'"),
    (GOOD.replace("{wasm: simd}", "{wasm: «yes}"), "wasm: 'yes' is not one of"),
    (GOOD.replace("{wasm: simd}", "{wasm: «1}"), "wasm: the number 1 is not one of"),
    (GOOD.replace("simd: {wasm: simd}", "«simd: {}"), "simd: missing key 'wasm'"),
    (GOOD.replace("{wasm: simd}", "{wasm: simd, «threads: 2}"), "threads: only the threaded-simd binary"),
    (with_web("driver: web-tfjs", "variants: «[plain]"), "variants: expected keys and values, got a list"),
    (with_web("driver: web-tfjs", "variants: «{}"), "variants: expected at least 1, got 0"),
    (with_web("driver: «7", "variants: {a: {}}"), "driver: expected text, got the number 7"),
    (with_web("driver: web-tfjs", "baseline:«", "variants: {a: {wasm: simd}}"), "baseline: expected a value, or no such key"),
    (GOOD + "sampling: {min_effect: «2%%}\n", "min_effect: expected a number, got the text '2%%'"),
    (GOOD + "sampling: {min_effect: «0}\n", "min_effect: expected more than 0"),
    (
        GOOD + "sampling: {«blocks: 9, precision: 2%}\n",
        "blocks: `precision` decides how many there are",
    ),
    (
        GOOD + "sampling: {«budget: 30min}\n",
        "budget: it bounds how long `precision` adds blocks, and there is none",
    ),
    (
        GOOD + "sampling: {precision: «2}\n",
        "precision: expected less than 1",
    ),
    (
        GOOD + "    sampling: {«precision: 2%}\n",
        "precision: not for one target: a block holds one run of every cell, so all targets share",
    ),
    (GOOD + "sampling: {timeout_s: «.inf}\n", "timeout_s: expected a number, got the text '.inf'"),
    (GOOD + "sampling: {warmup: {«iteration: 3}}\n", "unknown key 'iteration'"),
    (GOOD.replace("seed: 7", "inputs: {x: {range: «[1, 1.0]}}"), "range: expected the lower number first"),
    (GOOD + "tools: {«b/m: {x86: a}}\n", "'b/m': a name has no / in it"),
    (GOOD + "tools: {bm: {«mips: a}}\n", "unknown key 'mips'"),
    (GOOD + "tools: {«bm: {kind: litert}}\n", "bm: a tool needs a build"),
    (GOOD + "tools: {bm: {x86: a, kind: «tflite}}\n", "kind: 'tflite' is not one of"),
    (GOOD + f"tools: {{bm: {{x86: a, x86_64: b, «sha256: {'0' * 64}}}}}\n", "sha256: this tool has several"),
    (GOOD + f"tools: {{bm: {{x86: {{path: a, sha256: {'1' * 64}}},\n  «sha256: {'0' * 64}}}}}\n", "sha256: the build has one already"),
    (GOOD + "tools: {bm: {x86: «3}}\n", "x86: expected a path, a URL, or the keys path or url, got the number 3"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "message"), PLACED, ids=[message for _, message in PLACED])
def test_a_mistake_is_found_where_it_stands(marked: str, message: str) -> None:
    before, _, after = marked.partition("«")
    [finding] = told(before + after)
    assert finding.message.startswith(message)
    assert finding.line == before.count("\n") + 1
    assert finding.column == len(before.rpartition("\n")[2]) + 1
    assert finding.source_line == (before + after).splitlines()[finding.line - 1].rstrip()
    assert finding.source_line[finding.caret : finding.caret + 3] in (
        after[:3],
        after.split("\n")[0],
    )


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        (GOOD.replace("suite:", "suit:"), "did you mean 'suite'?"),
        (GOOD.replace("mobilenet_v2", "mobilnetv2"), "did you mean 'mobilenet_v2'?"),
        (GOOD.replace("web-tfjs", "web_tfjs"), "did you mean 'web-tfjs'?"),
        (GOOD.replace("web-tfjs", "zzz"), "known drivers: android-tflite, web-tfjs"),
        (GOOD.replace("{wasm: simd}", "{wams: simd, wasm: simd}"), "did you mean 'wasm'?"),
        (GOOD.replace("{wasm: simd}", "{wasm: SIMD}"), "did you mean 'simd'?"),
        (GOOD.replace("good", "1.10"), 'quote it: "1.10"'),
        (GOOD.replace("seed: 7", "seed: 0x10"), "write it in decimal digits"),
        (GOOD.replace("seed: 7", "seed: '7'"), "take the quotes away"),
        (GOOD.replace("{wasm: simd}", "{wasm: simd, browser: x}"), "it belongs to the target, beside `variants:`"),
        (GOOD.replace("    baseline", "    wasm: x\n    baseline"), "it belongs to each variant, below `variants:`"),
        (GOOD.replace("baseline: plain", "baseline: qqqq"), "known variants: plain, simd"),
        (GOOD.replace("{generate: mobilenet_v2, seed: 7}", "{tflite: https://x.org/a}"), "`edgebench lock SUITE` writes it"),
        (GOOD.replace("{wasm: simd}", "{wasm:simd, wasm: simd}"), "put a space behind `wasm:`"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_helps(text: str, suggestion: str) -> None:
    assert told(text)[0].suggestion.startswith(suggestion)


def test_a_right_suite_has_no_findings(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    assert validate(path, plugins=suite_fakes.plugins) == ()


def test_findings_are_sorted_by_their_place() -> None:
    places = [
        (finding.line, finding.column)
        for finding in told((SUITES / "targets.yaml").read_text(encoding="utf-8"))
    ]
    assert places == sorted(places)
    assert len(places) > 15


def test_what_stands_behind_an_alias_is_told_once() -> None:
    text = GOOD.replace("plain: {wasm: plain}", "plain: &p {wasm: plan}").replace(
        "simd: {wasm: simd}", "simd: *p"
    )
    [finding] = told(text)
    assert finding.message.startswith("wasm: 'plan'")


def test_an_unknown_driver_does_not_make_its_keys_unknown() -> None:
    findings = told(GOOD.replace("driver: web-tfjs", "driver: nokia-s60\n    phone: x"))
    assert [finding.message for finding in findings] == [
        "driver: there is no driver named 'nokia-s60'"
    ]


def test_thousands_of_mistakes_stay_readable() -> None:
    text = GOOD + "".join(f"key{number}: 1\n" for number in range(3000))
    with pytest.raises(SuiteMistakes) as caught:
        parse(text, Path("s.yaml"), plugins=suite_fakes.plugins)
    assert len(caught.value.findings) == 3000
    assert str(caught.value).endswith("… and 2900 more")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"suite: \xff\n", "not UTF-8 text: byte 0xFF"),
        ("suite: é\n".encode("utf-16"), "not UTF-8 text: byte 0xFF"),
        (b"\x7fELF\x02\x01\x01\x00", "the character U+007F may not stand in YAML"),
        (b"#" * 1_000_001, "larger than 1000000 bytes, which no suite is"),
        (b"", "the file is empty"),
    ],
)
def test_a_file_that_is_no_text_is_one_clear_mistake(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    [finding] = validate(path, plugins=suite_fakes.plugins)
    assert finding.message == message


def test_invalid_utf_8_is_found_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes("suite: é\nmodels: ".encode() + b"\xc3\x28\n")
    [finding] = validate(path)
    assert (finding.line, finding.column) == (2, 9)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "quickstart.yaml").write_text(GOOD)
    [finding] = validate(tmp_path / "quikstart.yaml")
    assert finding.message == "there is no such file"
    assert finding.suggestion == "did you mean 'quickstart.yaml'?"
    assert str(finding).startswith(str(tmp_path / "quikstart.yaml") + ": there")


@pytest.mark.parametrize("name", [".", "nowhere/s.yaml", "a\0b"])
def test_a_path_that_is_no_file_is_one_clear_mistake(tmp_path: Path, name: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load(tmp_path / name)
    assert caught.value.hint
    assert len(str(caught.value).splitlines()) == 1


def test_a_driver_may_not_claim_the_keys_that_every_target_has() -> None:
    class Clashing(suite_fakes.WebTarget):
        baseline: str = ""

    fake = suite_fakes.FakeDriver("web-tfjs", "tfjs", Clashing, suite_fakes.WebVariant)

    def plugins(kind: Kind) -> Registry:
        if kind == "drivers":
            return suite_fakes.registry_of(kind, {"web-tfjs": fake})
        return suite_fakes.plugins(kind)

    with pytest.raises(PluginError, match="baseline"):
        parse(GOOD, Path("s.yaml"), plugins=plugins)


def test_the_members_of_a_union_are_told_together() -> None:
    class Either(suite_fakes.WebTarget):
        args: list[str] | tuple[str, ...] | dict[str, str] | int = 0

    fake = suite_fakes.FakeDriver("web-tfjs", "tfjs", Either, suite_fakes.WebVariant)

    def plugins(kind: Kind) -> Registry:
        if kind == "drivers":
            return suite_fakes.registry_of(kind, {"web-tfjs": fake})
        return suite_fakes.plugins(kind)

    with pytest.raises(SuiteMistakes) as caught:
        parse(
            GOOD.replace("    variants", "    args: yes\n    variants"),
            Path("s.yaml"),
            plugins=plugins,
        )
    [finding] = caught.value.findings
    assert finding.message == (
        "args: expected a list, or keys and values, or a whole number, got the text 'yes'"
    )
