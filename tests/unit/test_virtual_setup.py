"""A virtual device's setup survives its way to the device's program, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.transports.virtual_setup import (
    CableCut,
    Dribbles,
    Greets,
    Hangs,
    Moment,
    SaysInstead,
    VirtualSetup,
    WritesFail,
    from_json,
    to_json,
)

printable = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)
names = printable.filter(lambda name: name and "=" not in name)
counts = st.integers(0, 2**40)
moments = st.builds(Moment, st.text(max_size=5), counts, counts, st.text(max_size=5))
seconds = st.floats(0, 1e6)
faults = st.one_of(
    st.builds(Greets, st.sampled_from(["unauthorized", "offline", "recovery"]), st.none() | counts),
    st.builds(CableCut, moments, st.none() | seconds, st.booleans()),
    st.builds(Hangs, moments),
    st.builds(WritesFail, st.sampled_from(["ENOSPC", "EROFS"]), counts),
    st.builds(SaysInstead, st.text(max_size=5), st.text(max_size=5)),
    st.builds(Dribbles, st.text(max_size=5), seconds, counts),
)


@settings(deadline=None)
@given(st.dictionaries(names, printable), st.lists(faults, max_size=4).map(tuple))
def test_a_setup_is_the_same_after_the_way_through_json(properties, faults) -> None:  # type: ignore[no-untyped-def]  # hypothesis gives them
    setup = VirtualSetup(properties, Path("/programs"), faults)
    assert from_json(to_json(setup)) == setup


@pytest.mark.parametrize("properties", [{"a=b": "c"}, {"": "x"}, {"a": "b\nc=d"}])
def test_what_getprop_could_not_say_is_no_property(properties: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="is no property"):
        VirtualSetup(properties)
