"""Record sets as MiniMalloc's CSV: what is written is read back, mistakes are told with their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_records import MODELS, record_set, rows

from harness.errors import SuiteError
from harness.memory_plan.minimalloc_csv import parse, written
from harness.memory_plan.records import RecordSet, UsageRecord

HEADER = "id,lower,upper,size\n"
MISTAKES = [
    ("", 1, "the header is 'nothing'"),
    ("id,lower,upper\n", 1, "the header is 'id,lower,upper'"),
    ("id,lower,upper,size,gaps\nb,0,1,2,\n", 1, "the header is"),
    ("id,lower,upper,upper\n", 1, "the header is"),
    (HEADER + "b,0,1\n", 2, "3 values where 4 belong"),
    (HEADER + "b,0,1,2,3\n", 2, "5 values where 4 belong"),
    (HEADER + "b,0,1,2\nc,0,1,2.5\n", 3, "size is '2.5', not a whole number"),
    (HEADER + "b,-1,1,2\n", 2, "lower is '-1', not a whole number"),
    (HEADER + "b,0,1,\n", 2, "size is '', not a whole number"),
    (HEADER + "b,0,١,2\n", 2, "upper is '١', not a whole number"),
    (HEADER + "b,0,1,1e3\n", 2, "size is '1e3', not a whole number"),
    (HEADER + "b,0,1," + "9" * 5000 + "\n", 2, "not a whole number"),
    (HEADER + "b,3,3,2\n", 2, "ends at 3, not after its beginning at 3"),
    (HEADER + "\n\nb,3,2,2\n", 4, "ends at 2, not after its beginning at 3"),
    (HEADER + "b,0,1,2\nc,0,1,2\nb,4,5,6\n", 4, "the id 'b' is that of line 2 already"),
    (HEADER + "b,0,2000000000000,1\n", 2, "there is no task 2000000000000"),
    (HEADER + f"b,0,1,{2**61}\nc,0,1,{2**61}\n", 3, "add up to 4 EiB or more"),
    (HEADER + 'b,0,1,"2\n', 2, "this is not CSV"),
]


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES)
def test_a_mistake_is_told_once_with_file_and_line(text: str, line: int, message: str) -> None:
    with pytest.raises(SuiteError) as told:
        parse(text, "in.csv", "in")
    assert told.value.where == f"in.csv:{line}"
    assert message in told.value.message
    assert told.value.hint
    assert len(str(told.value)) < 300


def test_upper_is_exclusive_and_columns_may_come_in_any_order() -> None:
    read = parse("size, upper,id,lower\n7,5,b1,2\n\n0,1,b2,0\n", "in.csv", "in")
    assert read.records == (UsageRecord("b1", 7, 2, 4), UsageRecord("b2", 0, 0, 0))
    assert read.tasks == 5


def test_a_header_alone_is_a_set_without_tensors() -> None:
    assert parse(HEADER, "in.csv", "in") == RecordSet("in", "in.csv", "csv", (), 0)


@given(rows(), st.data())
def test_what_is_written_is_read_back_exactly(
    drawn: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    names = data.draw(
        st.lists(st.text(), min_size=len(drawn), max_size=len(drawn), unique=True), "names"
    )
    records = tuple(UsageRecord(name, *row) for name, row in zip(names, drawn, strict=True))
    before = RecordSet("t", "s", "csv", records, record_set(drawn).tasks)
    text = written(before)
    assert parse(text, "s", "t") == before
    assert written(parse(text, "s", "t")) == text


def test_tensors_of_one_name_are_written_under_ids_of_their_own() -> None:
    same = [UsageRecord(name, 1, 0, 0) for name in ("a", "b", "a", "a#2", "a")]
    text = written(RecordSet("t", "s", "csv", tuple(same), 1))
    assert [record.name for record in parse(text, "s", "t").records] == [
        "a#0",
        "b",
        "a#2#2",
        "a#2",
        "a#4",
    ]


@given(st.text(alphabet='id,lower,upper,size\n\r\x00"0123456789 -é', max_size=200))
def test_any_text_is_a_record_set_or_one_told_mistake(text: str) -> None:
    for whole in (text, HEADER + text):
        try:
            parse(whole, "in.csv", "in")
        except SuiteError as mistake:
            assert mistake.where.startswith("in.csv:")


def test_a_networks_records_survive_the_trip() -> None:
    before = record_set(MODELS["inception_v3_299"])
    assert parse(written(before), before.source, before.title) == before
