"""A matrix becomes cells: as many as the product, each named once, mistakes told in their place."""

from __future__ import annotations

import json
from itertools import product
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import suite_fakes
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from harness import cli, plan
from harness.errors import PluginError
from harness.options import Options
from harness.plugins import Kind, Registry
from harness.suite.document import MAX_NODES
from harness.suite.expansions import axes_of, expansions
from harness.suite.finding import Finding, SuiteMistakes
from harness.suite.load import parse
from harness.suite.lock import lock
from harness.suite.matrix import MOST_CELLS, MOST_COMBINATIONS
from harness.suite.values import Suite

HEAD = "suite: s\nmodels:\n  net: {generate: mobilenet_v2}\n"
DRIVERS: dict[str, Any] = suite_fakes.DRIVERS


def parsed(text: str) -> Suite:
    return parse(text, Path("/s.yaml"), plugins=suite_fakes.plugins)


def told(text: str) -> list[Finding]:
    with pytest.raises(SuiteMistakes) as caught:
        parsed(text)
    return list(caught.value.findings)


def web(*variants: str, above: str = "") -> str:
    lines = "".join(f"      {line}\n" for line in variants)
    return f"{HEAD}targets:\n  web:\n    driver: web-tfjs\n{above}    variants:\n{lines}"


def phone(*variants: str) -> str:
    return web(*variants).replace("web-tfjs", "android-tflite").replace("  web:", "  phone:")


def models(*entries: str) -> str:
    lines = "".join(f"  {line}\n" for line in entries)
    variants = "targets:\n  web: {driver: web-tfjs, variants: {plain: {wasm: plain}}}\n"
    return f"suite: s\nmodels:\n{lines}{variants}"


def names(suite: Suite) -> list[str]:
    return [variant.name for target in suite.targets for variant in target.variants]


# --- what is made -------------------------------------------------------------------------


def test_a_list_of_threads_becomes_a_variant_for_each_number() -> None:
    suite = parsed(web("plain: {wasm: plain}", "simd: {wasm: threaded-simd, threads: [1, 2, 4]}"))
    assert names(suite) == ["plain", "simd-1t", "simd-2t", "simd-4t"]
    assert [v.options.threads for v in suite.targets[0].variants] == [None, 1, 2, 4]
    assert {v.options.wasm for v in suite.targets[0].variants[1:]} == {"threaded-simd"}


def test_a_matrix_says_the_same_as_lists() -> None:
    short = parsed(phone("a: {threads: [1, 2], xnnpack: [true, false]}"))
    spelt = parsed(phone("a: {matrix: {threads: [1, 2], xnnpack: [true, false]}}"))
    assert short.targets == spelt.targets
    assert names(short) == [
        "a-1t-xnnpack",
        "a-1t-no-xnnpack",
        "a-2t-xnnpack",
        "a-2t-no-xnnpack",
    ]


def test_a_pattern_names_the_combinations() -> None:
    suite = parsed(
        web("x: {wasm: threaded-simd, threads: [1, 2], name: 'simd-{threads}t'}", "y: {wasm: simd}")
    )
    assert names(suite) == ["simd-1t", "simd-2t", "y"]


def test_expanded_names_are_those_of_baselines_and_ratios() -> None:
    above = "    baseline: simd-1t\n    ratios: [simd-4t/simd-2t]\n"
    text = web("simd: {wasm: threaded-simd, threads: [1, 2, 4]}", above=above)
    assert parsed(text).targets[0].ratios == (
        ("simd-2t", "simd-1t"),
        ("simd-4t", "simd-1t"),
        ("simd-4t", "simd-2t"),
    )
    (finding,) = told(text.replace("baseline: simd-1t", "baseline: simd"))
    assert "there is no variant named 'simd'" in finding.message


def test_threads_without_one_get_it_since_speed_ups_are_over_one_thread() -> None:
    suite = parsed(web("simd: {wasm: threaded-simd, threads: [2, 4]}"))
    assert names(suite) == ["simd-1t", "simd-2t", "simd-4t"]
    assert [v.point and v.point.added for v in suite.targets[0].variants] == [True, False, False]
    (line,) = expansions(suite)
    assert line == (
        "web/simd is 3 variants, by threads: simd-1t, simd-2t, simd-4t; simd-1t added, since "
        "speed-ups are over one thread"
    )


def test_a_point_of_one_thread_that_the_suite_has_is_not_added_again() -> None:
    own = "simd-1t: {wasm: threaded-simd, threads: 1}"
    suite = parsed(web("simd: {wasm: threaded-simd, threads: [2]}", own))
    assert names(suite) == ["simd-2t", "simd-1t"]


def test_one_number_of_threads_alone_is_no_axis() -> None:
    assert names(parsed(web("simd-2t: {wasm: threaded-simd, threads: 2}"))) == ["simd-2t"]


def test_a_list_for_an_option_that_takes_lists_is_one_value() -> None:
    suite = parsed(phone("a: {flags: [x, y]}"))
    assert names(suite) == ["a"]
    suite = parsed(phone("a: {matrix: {flags: [[x], [x, y]]}}"))
    assert [(v.name, v.options.flags) for v in suite.targets[0].variants] == [
        ("a-flags-1", ("x",)),
        ("a-flags-2", ("x", "y")),
    ]


def test_a_models_matrix_takes_options_of_its_network_and_keys_of_its_own() -> None:
    suite = parsed(
        models(
            "a: {generate: {network: mobilenet_v2, width: [0.5, 1.0]}}",
            "b: {generate: mobilenet_v2, matrix: {width: [0.5], seed: [1, 2]}}",
        )
    )
    made = [(m.name, m.generated) for m in suite.models]
    assert [(n, g.seed, g.options.model_dump()["width"]) for n, g in made if g] == [
        ("a-width-0.5", 1, 0.5),
        ("a-width-1.0", 1, 1.0),
        ("b-width-0.5-seed-1", 1, 0.5),
        ("b-width-0.5-seed-2", 2, 0.5),
    ]
    assert [dict(m.point.axes) for m in suite.models if m.point][2:] == [
        {"width": 0.5, "seed": 1},
        {"width": 0.5, "seed": 2},
    ]


def test_an_axis_of_files_is_the_files_of_one_model() -> None:
    suite = parsed(models("a: {generate: mobilenet_v2, matrix: {file: [fp32, int8]}}"))
    assert [(m.name, m.file, m.has_original) for m in suite.models] == [
        ("a", "fp32", False),
        ("a", "int8", True),
    ]


def test_an_axis_of_paths_is_a_model_for_each() -> None:
    suite = parsed(models("a: {matrix: {tflite: [m/x.tflite, {path: m/y.tflite}]}}"))
    assert [(m.name, str(m.files["tflite"].path)) for m in suite.models] == [
        ("a-m-x.tflite", "/m/x.tflite"),
        ("a-m-y.tflite", "/m/y.tflite"),
    ]


def test_the_count_is_told_before_anything_runs() -> None:
    suite = parsed(phone("a: {threads: [1, 2], xnnpack: [true, false]}", "b: {}"))
    planned = plan.make(suite, DRIVERS, blocks=3)
    assert len(planned.cells) == 5
    (line,) = expansions(suite)
    assert line == (
        "phone/a is 4 variants, by threads, xnnpack: a-1t-xnnpack, a-1t-no-xnnpack, "
        "a-2t-xnnpack, a-2t-no-xnnpack"
    )


def test_results_keep_the_value_on_each_axis() -> None:
    text = phone("a: {threads: [1, 2], xnnpack: [true]}", "b: {}")
    assert axes_of(parsed(text)) == {
        "phone/a-1t-xnnpack": {"threads": 1, "xnnpack": True},
        "phone/a-2t-xnnpack": {"threads": 2, "xnnpack": True},
    }
    assert axes_of(parsed(models("a: {generate: mobilenet_v2, matrix: {width: [0.5]}}"))) == {
        "a-width-0.5": {"width": 0.5}
    }


def test_only_knows_expanded_names() -> None:
    suite = parsed(web("simd: {wasm: threaded-simd, threads: [1, 2, 4]}"))
    chosen = plan.make(suite, DRIVERS, only=plan.parse_selection(["variant=simd-2t"]))
    assert [cell.variant for cell in chosen.cells] == ["simd-2t"]


def test_a_pin_in_a_matrix_is_written_there_and_renames_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    url = "https://example.org/m.tflite"
    path.write_text(models(f"a: {{matrix: {{tflite: [x.tflite, '{url}'], seed: [1]}}}}"))
    path.write_text(path.read_text().replace(", seed: [1]", ""))
    (tmp_path / "m").write_bytes(b"model")
    digest = "ab" * 32
    fetched = SimpleNamespace(path=tmp_path / "m", sha256=digest)
    report = lock(path, lambda url, format_: fetched, plugins=suite_fakes.plugins)
    assert [(pin.where, pin.outcome) for pin in report.pins] == [
        ("models.a.matrix.tflite.1", "pinned")
    ]
    assert f"[x.tflite, {{url: '{url}', sha256: {digest}}}]" in path.read_text()
    locked = parse(path.read_text(), path, plugins=suite_fakes.plugins)
    assert [m.name for m in locked.models] == ["a-x.tflite", "a-example.org-m.tflite"]
    again = lock(path, lambda url, format_: fetched, plugins=suite_fakes.plugins)
    assert not again.changed


# --- laws ---------------------------------------------------------------------------------

COUNTS = st.lists(st.integers(1, 64), min_size=1, max_size=5, unique=True)
FLAGS = st.lists(st.sampled_from(["true", "false", "null"]), min_size=1, max_size=3, unique=True)


def matrix(threads: list[int], flags: list[str], key: str = "v") -> str:
    return f"{key}: {{matrix: {{threads: {threads}, xnnpack: [{', '.join(flags)}]}}}}"


@given(COUNTS, FLAGS)
@settings(deadline=None, max_examples=60)
def test_as_many_cells_as_the_product_each_with_a_name_and_options_of_its_own(
    threads: list[int], flags: list[str]
) -> None:
    suite = parsed(phone(matrix(threads, flags)))
    counted = threads if 1 in threads else [1, *threads]
    assert len(names(suite)) == len(set(names(suite))) == len(counted) * len(flags)
    meant = {"true": True, "false": False, "null": None}
    assert [(v.options.threads, v.options.xnnpack) for v in suite.targets[0].variants] == [
        (count, meant[flag]) for count, flag in product(counted, flags)
    ]


@given(COUNTS, FLAGS, st.integers(1, 64))
@settings(deadline=None, max_examples=60)
def test_a_value_that_is_added_changes_no_key_of_a_run_that_was_planned(
    threads: list[int], flags: list[str], more: int
) -> None:
    def keys(numbers: list[int]) -> set[Any]:
        planned = plan.make(parsed(phone(matrix(numbers, flags))), DRIVERS, blocks=2)
        return {(run.key, run.run_id(1)) for run in planned.runs}

    assert keys(threads) <= keys(threads if more in threads else [*threads, more])


@given(st.text(max_size=20), st.integers(0, 3))
@settings(deadline=None, max_examples=150)
def test_any_pattern_gives_sound_names_or_a_mistake_in_its_place(text: str, key: int) -> None:
    pattern = text if key == 0 else text + "{threads}" * key
    source = phone(f"v: {{threads: [1, 2], name: {json.dumps(pattern)}}}")
    try:
        found = names(parsed(source))
    except SuiteMistakes as error:
        lines = {finding.line for finding in error.findings}
        assert lines == {source[: source.index("v: {")].count("\n") + 1}
    else:
        assert len(set(found)) == 2
        assert not any(set(name) & set("/\\,=") for name in found)


@given(st.text(max_size=12), st.text(max_size=12))
@settings(deadline=None, max_examples=100)
def test_any_two_texts_give_two_sound_names_or_are_refused(first: str, second: str) -> None:
    values = f"[{json.dumps('f' + first)}, {json.dumps('g' + second)}]"
    try:
        suite = parsed(models(f"a: {{matrix: {{tflite: {values}}}}}"))
    except SuiteMistakes as error:
        assert error.findings
    else:
        made = [model.name for model in suite.models]
        assert len(set(made)) == 2
        assert all(name.isprintable() and not set(name) & set("/\\,=") for name in made)


# --- what is wrong ------------------------------------------------------------------------

SIMD = "simd: {{wasm: threaded-simd, {}}}"
WRONG = [
    (SIMD.format("threads: [1, «9000]"), "threads: expected 64 at most, got the number 9000"),
    (SIMD.format("threads: [1, «two]"), "threads: expected a whole number, got the text 'two'"),
    (SIMD.format("threads: «[]"), "threads: expected a whole number, got a list"),
    (SIMD.format("threads: [2, «2]"), "threads: this value is listed twice; keep one"),
    (SIMD.format("matrix: {«thraeds: [1]}"), "unknown key 'thraeds', did you mean 'threads'?"),
    (SIMD.format("matrix: {threads: «4}"), "threads: expected a list of at least one value"),
    (SIMD.format("matrix: {threads: «[]}"), "threads: expected a list of at least one value"),
    (SIMD.format("«matrix: {}"), "matrix: expected keys, each with a list of values"),
    (SIMD.format("«matrix: [1, 2]"), "matrix: expected keys, each with a list of values"),
    (SIMD.format("matrix: {«name: [a]}"), "name: this is no axis"),
    (SIMD.format("threads: 2, matrix: {«threads: [1]}"), "`threads` stands beside `matrix` too"),
    (SIMD.format("threads: [1, 2], name: «'{thread}'"), "did you mean 'threads'?"),
    (SIMD.format("threads: [1, 2], name: «7"), "name: expected text"),
    (SIMD.format("threads: 2, «name: x"), "name: nothing is listed here"),
    ("«" + SIMD.format("threads: [1, 2], name: x"), "two of its combinations are called 'x'"),
    ("«" + SIMD.format("threads: [1, 2], name: '{threads}/x'"), "a name has no / in it"),
    ("«" + SIMD.format("threads: [1, 2], name: '-{threads}'"), "a name does not begin with -"),
    ("«" + SIMD.format(f"threads: [1, 2], name: '{{threads}}{'x' * 64}'"), "at most 64 characters"),
    (
        "simd-2t: {wasm: plain}\n      «" + SIMD.format("threads: [1, 2]"),
        "simd: 'simd-2t', which its values make, is there already",
    ),
    ("a: {«threads: [1, 2], wasm: plain}", "threads: only the threaded-simd binary has threads"),
    ("«a: {threads: [1, 2]}", "missing key 'wasm'"),
]


@pytest.mark.parametrize(("variant", "message"), WRONG)
def test_a_mistake_is_told_where_the_expanded_part_stands(variant: str, message: str) -> None:
    text = web(variant)
    before = text[: text.index("«")]
    found = told(text.replace("«", ""))
    assert message in " ".join(map(str, found))
    assert {(f.line, f.column) for f in found} == {
        (before.count("\n") + 1, len(before) - before.rfind("\n"))
    }


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("a: {generate: mobilenet_v2, matrix: {widht: [1]}}", "did you mean 'width'?"),
        ("a: {generate: {network: mobilenet_v2, width: [1, 0]}}", "width: expected more than 0"),
        ("a: {generate: mobilenet_v2, files: [fp32], matrix: {file: [int8]}}", "`files` stands"),
        ("a: {generate: mobilenet_v2, matrix: {files: [fp32]}}", "files: this is no axis"),
        (
            "a: {generate: {network: mobilenet_v2, width: 1}, matrix: {width: [1]}}",
            "`width` stands beside `matrix` too",
        ),
        ("a: {tflite: m.tflite, matrix: {width: [1]}}", "unknown key 'width'"),
        ("a: {tflite: m.tflite, name: x}", "name: nothing is listed here"),
    ],
)
def test_a_wrong_matrix_of_a_model_is_told(model: str, message: str) -> None:
    assert message in " ".join(map(str, told(models(model))))


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        (
            [
                f"v: {{threads: {list(range(1, 18))}, wasm: {['simd'] * 1 + list('abcdefghijklmno')}}}"
            ],
            f"its lists make 272 combinations, and {MOST_COMBINATIONS} are the most",
        ),
        (
            [
                f"v{i}: {{matrix: {{threads: {list(range(1, 65))}, xnnpack: [true, false]}}}}"
                for i in range(60)
            ],
            f"a suite has at most {MAX_NODES} values, expanded ones counted in full",
        ),
    ],
)
def test_a_matrix_that_is_too_large_is_refused_by_its_count(
    variants: list[str], message: str
) -> None:
    assert message in " ".join(map(str, told(phone(*variants))))


def test_a_suite_of_more_cells_than_anyone_measures_is_refused() -> None:
    wide = ", ".join(f"{n / 100}" for n in range(1, 201))
    text = phone("v: {threads: [" + ", ".join(map(str, range(1, 65))) + "]}")
    text = text.replace(
        "{generate: mobilenet_v2}", f"{{generate: {{network: mobilenet_v2, width: [{wide}]}}}}"
    )
    (finding,) = told(text)
    assert finding.message == (
        f"targets: 200 files of models × 64 variants are 12800 cells, and {MOST_CELLS} are the most"
    )
    assert prod((200, 64)) == 12800


def test_an_option_named_like_the_keys_of_a_matrix_is_its_authors_mistake() -> None:
    class Claiming(Options):
        matrix: Annotated[int, Field(description="taken")] = 1

    driver = suite_fakes.FakeDriver("web-tfjs", "tfjs", suite_fakes.WebTarget, Claiming)

    def plugins(kind: Kind) -> Registry:
        found = {"web-tfjs": driver} if kind == "drivers" else suite_fakes.NETWORKS
        return suite_fakes.registry_of(kind, found)

    with pytest.raises(PluginError, match="matrix"):
        parse(web("a: {}"), Path("/s.yaml"), plugins=plugins)


@pytest.mark.parametrize("verb", ["validate", "plan"])
def test_the_commands_say_what_a_matrix_came_to_before_anything_runs(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = tmp_path / "s.yaml"
    suite.write_text(web("simd: {wasm: threaded-simd, threads: [2, 4]}"))
    assert cli.main([verb, str(suite)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "web/simd is 3 variants, by threads: simd-1t, simd-2t, simd-4t; simd-1t added" in said
    assert "3 cells" in said
