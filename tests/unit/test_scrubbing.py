"""What leaves this machine names nobody, whatever a program said; what says nothing of anyone stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import Column, Figure, Table
from harness.report.scrubbing import LEFT_OUT, Scrubber

SCRUBBER = Scrubber(frozenset({"bench-07", "alice", "root", "x"}))


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("[ro.serialno]: [R58M123ABC]", f"[ro.serialno]: {LEFT_OUT}"),
        ("[ro.boot.serialno]: [R58M123ABC]", f"[ro.boot.serialno]: {LEFT_OUT}"),
        ("[ro.build.host]: [wphr2]", f"[ro.build.host]: {LEFT_OUT}"),
        ("androidboot.serialno=R58M123ABC quiet", f"androidboot.serialno={LEFT_OUT} quiet"),
        ('{"serial": "R58M123ABC"}', f'{{"serial": "{LEFT_OUT}"}}'),
        ("adb -s R58M123ABC shell", f"adb -s {LEFT_OUT} shell"),
        ("wlan0 a4:50:46:1e:2d:3c up", f"wlan0 {LEFT_OUT} up"),
        ("to 192.168.7.31:5555", f"to {LEFT_OUT}:5555"),
        ("mail someone@example.org now", f"mail {LEFT_OUT} now"),
        ("on bench-07, by alice.", f"on {LEFT_OUT}, by {LEFT_OUT}."),
        ("/home/alice/m.tflite", "…/m.tflite"),
        ("serialization: 4 tensors, malice, bench-071", None),
        ("uid=0(root) x86_64 /data/local/tmp/tool", None),
        ("Chromium 156.0.8078.108, 10.0.22621.1, 4.22.0", None),
        ("sha256 a4504619 1d:2:3 on 127.0.0.1:4444", None),
        ("HEAP SIZE: 12.5 MB, min=9.1 max=10.2", None),
    ],
)
def test_private_words_are_left_out_and_others_stay(said: str, published: str | None) -> None:
    assert SCRUBBER.text(said) == (said if published is None else published)


@given(st.text(max_size=400), st.text(max_size=400))
@settings(deadline=None)
def test_no_text_around_it_saves_a_name_that_stands_by_itself(before: str, after: str) -> None:
    shown = SCRUBBER.text(f"{before} bench-07 {after}")
    assert "bench-07" not in shown.replace(before, "").replace(after, "")


@given(st.text(max_size=100))
@settings(deadline=None)
def test_scrubbing_twice_leaves_out_no_more(text: str) -> None:
    once = SCRUBBER.text(text)
    assert SCRUBBER.text(once) == once


def test_a_table_is_scrubbed_in_every_text_and_keeps_its_numbers() -> None:
    table = Table(
        "t", "of alice", (Column("a", "alice"),), (("alice",), (Figure(1.0, "1"),)), ("alice",)
    )
    shown = SCRUBBER.table(table)
    assert "alice" not in str(shown)
    assert shown.rows[1] == (Figure(1.0, "1"),)
