"""The reader of operator tables against every capture that has them, and against damage."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter, defaultdict

import pytest
from benchmark_model_captures import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import OutputUnreadable
from harness.tools.benchmark_model import OpProfile, read_op_profile

LITERT = FIXTURES / "benchmark_model-litert-f674577"
DEBIAN = FIXTURES / "benchmark_model-2.14.1-debian"
many = settings(max_examples=400, deadline=None)


def written_csv() -> str:
    record = json.loads((LITERT / "op_profiling_csv_file.json").read_text())
    entry = record["files"]["prof.csv"]
    return base64.b64decode(entry["base64"]).decode() if isinstance(entry, dict) else str(entry)


def stdout(name: str) -> str:
    return str(json.loads((LITERT / f"{name}.json").read_text())["stdout"])


PROFILES = {
    "litert table": (stdout("op_profiling"), False),
    "litert table without XNNPACK": (stdout("op_profiling_noxnn"), False),
    "litert CSV file": (written_csv(), True),
    "litert CSV on stdout": (stdout("op_profiling_csv_stdout"), True),
    "litert CSV whose file cannot be written": (stdout("op_profiling_badfile"), True),
    "2.14.1 table": ((DEBIAN / "op_profiling_stdout.stdout").read_text(), False),
    "2.14.1 CSV": ((DEBIAN / "op_profiling_csv.stdout").read_text(), True),
}
SMALL = [PROFILES["2.14.1 table"], PROFILES["2.14.1 CSV"]]

# tf 2.3 and before had a column more; nobody here could run it.
MADE_UP_E2 = """\
Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t ModifyGraphWithDelegate\t            0.000\t 1450.744\t 1450.744\t 99.998%\t 99.998%\t 62364.000\t        1\tModifyGraphWithDelegate/0
\t         AllocateTensors\t         1450.830\t    0.028\t    0.016\t  0.002%\t100.000%\t     0.000\t        2\tAllocateTensors/0

Number of nodes executed: 2
Timings (microseconds): count=1 curr=1450776

Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t     TfLiteGpuDelegateV2\t            0.000\t    8.317\t    8.671\t100.000%\t100.000%\t     0.000\t        1\t[Identity]:77

Number of nodes executed: 1
Timings (microseconds): count=110 first=8317 curr=10006 min=7854 max=10679 avg=8671.49 std=590
"""


def summary_of(text: str) -> dict[str, tuple[int, float]]:
    """Return node type → (count, whole µs) from the tool's own summary, which is not our source."""
    last = text[text.rindex("Summary by node type") :].partition("\n\n")[0].splitlines()[2:]
    rows = {}
    for line in last:
        if line.startswith("\t"):
            kind, count, mean, *_ = (part.strip() for part in line.strip("\t").split("\t"))
        else:
            kind, count, mean, *_ = line.rsplit(", ", 6)
        rows[kind] = (int(count), round(float(mean) * 1000, 3))
    return rows


@pytest.mark.parametrize("name", PROFILES)
def test_operators_add_up_to_what_the_tool_summarises(name: str) -> None:
    text, csv = PROFILES[name]
    profile = read_op_profile(text, csv)
    counts = Counter(operator.type for operator in profile.runs)
    times: dict[str, float] = defaultdict(float)
    for operator in profile.runs:
        times[operator.type] += operator.mean_s * 1e6
    summary = summary_of(text)
    assert counts == {kind: count for kind, (count, _) in summary.items()}
    for kind, (count, micros) in summary.items():
        # The summary drops each operator's part of a microsecond; the table rounds each row.
        assert micros - 0.51 * count <= times[kind] < micros + 1.51 * count, kind


def test_names_keep_their_commas_and_semicolons_in_both_forms() -> None:
    table = read_op_profile(*PROFILES["litert table"]).runs[0]
    csv = read_op_profile(*PROFILES["litert CSV file"]).runs[0]
    assert table.type == csv.type == "Convolution (NHWC, F32) IGEMM"
    assert table.name == csv.name == "Delegate/Convolution (NHWC, F32) IGEMM:0"
    conv = read_op_profile(*PROFILES["2.14.1 CSV"]).runs[1]
    assert conv.type == "CONV_2D"
    assert ";;user_model_script.DummyVisionModel" in conv.name
    assert (conv.first_s, conv.mean_s, conv.share) == (0.000835, 0.00132114, 0.876754)


def test_initialisation_stands_apart_from_the_runs() -> None:
    profile = read_op_profile(*PROFILES["litert table"])
    assert [one.type for one in profile.init] == ["ModifyGraphWithDelegate", "AllocateTensors"]
    assert profile.init[1].mean_s == 0.001414
    assert len(profile.runs) == 89
    assert read_op_profile(*PROFILES["2.14.1 table"]).init[0].memory_bytes == 128_000


def test_the_older_table_with_a_start_column_is_read() -> None:
    profile = read_op_profile(MADE_UP_E2, csv=False)
    assert profile.runs[0].first_s == 0.008317
    assert profile.runs[0].mean_s == 0.008671
    assert profile.init[0].memory_bytes == 62_364_000


def test_what_happens_inside_of_a_delegate_is_told_apart() -> None:
    table = MADE_UP_E2[MADE_UP_E2.index("=====", MADE_UP_E2.index("Operator-wise")) :]
    text = MADE_UP_E2 + "\nDelegate internal: \n" + table
    assert [one.graph for one in read_op_profile(text, csv=False).runs] == ["", "delegate"]


@pytest.mark.parametrize("name", ["op_profiling_csv_no_enable", "op_profiling_badmode"])
def test_an_output_without_a_profile_is_said_to_have_none(name: str) -> None:
    with pytest.raises(OutputUnreadable) as raised:
        read_op_profile(stdout(name), csv=False)
    assert raised.value.kind == "no-profile"


def test_a_profile_of_shares_that_are_no_numbers_has_none() -> None:
    text = (
        re.sub(r"\b8\.671", "0.000", MADE_UP_E2)
        .replace("avg=8671.49", "avg=0")
        .replace(
            "100.000%\t100.000%\t     0.000\t        1\t[Id",
            "-nan%\t-nan%\t     0.000\t        1\t[Id",
        )
    )
    assert read_op_profile(text, csv=False).runs[0].share is None


def read_or_refuse(text: str, csv: bool) -> OpProfile | None:
    try:
        return read_op_profile(text, csv)
    except OutputUnreadable as refused:
        assert refused.hint
        return None


def times(profile: OpProfile) -> list[tuple[float, float | None]]:
    return [(one.mean_s, one.share) for one in (*profile.init, *profile.runs)]


@many
@given(st.sampled_from(SMALL), st.data())
def test_a_profile_cut_anywhere(one: tuple[str, bool], data: st.DataObject) -> None:
    text, csv = one
    found = read_or_refuse(text[: data.draw(st.integers(0, len(text)))], csv)
    assert found is None or times(found) == times(read_op_profile(text, csv))


@many
@given(st.sampled_from(SMALL), st.data(), st.booleans())
def test_a_row_lost_or_there_twice(
    one: tuple[str, bool], data: st.DataObject, duplicate: bool
) -> None:
    text, csv = one
    lines = text.splitlines(keepends=True)
    index = data.draw(st.integers(0, len(lines) - 1))
    lines[index : index + 1] = [lines[index]] * 2 if duplicate else []
    found = read_or_refuse("".join(lines), csv)
    whole = read_op_profile(text, csv)
    # The tables of initialisation may go missing whole; what is there is right.
    assert found is None or (found.runs == whole.runs and found.init in (whole.init, ()))


@many
@given(st.sampled_from(SMALL), st.data())
def test_a_letter_of_a_profile_changed(one: tuple[str, bool], data: st.DataObject) -> None:
    text, csv = one
    start = text.index("Profiling Info")
    position = data.draw(st.integers(start, len(text) - 1))
    letter = data.draw(st.sampled_from("0123456789.-e \n\tx%,"))
    found = read_or_refuse(text[:position] + letter + text[position + 1 :], csv)
    whole = {
        one.mean_s for one in (*read_op_profile(text, csv).runs, *read_op_profile(text, csv).init)
    }
    for operator in (*found.runs, *found.init) if found else ():
        # The share of a time has five digits: a change below them cannot be seen.
        assert any(abs(operator.mean_s - mean) <= 3e-5 * sum(whole) + 3e-6 for mean in whole)


@pytest.mark.parametrize("name", PROFILES)
def test_carriage_returns_change_nothing_in_a_profile(name: str) -> None:
    text, csv = PROFILES[name]
    assert read_op_profile(text.replace("\n", "\r\n"), csv) == read_op_profile(text, csv)
