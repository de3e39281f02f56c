"""The output check: what it must refuse, and inputs that are the same everywhere."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from math import inf, nan, prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import OutputUnreadable, SuiteError
from harness.model import Tensor
from harness.outputs import (
    InputSignature,
    check,
    discriminates,
    inputs_sha256,
    load_npz,
    npz_bytes,
    seeded_inputs,
    uniform,
)

finite = st.floats(-1e6, 1e6, width=32)


def tensor(*values: float, name: str = "y", shape: tuple[int, ...] | None = None) -> Tensor:
    data = np.array(values, "<f4")
    return Tensor(name, shape if shape is not None else data.shape, "float32", data.tobytes())


def kind(*args: object) -> str:
    failure = check(*args).failure  # type: ignore[arg-type]
    return failure.kind if failure else ""


# --- the check ---------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(finite, min_size=1, max_size=8))
def test_an_output_equals_itself(values: list[float]) -> None:
    same = check([tensor(*values)], [tensor(*values)], 0)
    assert (same.max_relative_difference, same.failure) == (0, None)


@settings(deadline=None)
@given(st.lists(finite, min_size=1, max_size=8), st.data(), st.floats(0.001, 10))
def test_the_difference_is_relative_to_the_largest_reference_value(
    values: list[float], data: st.DataObject, factor: float
) -> None:
    reference = np.array(values, np.float32)
    largest = float(np.abs(reference).max())
    if largest == 0:
        return
    moved = reference.astype(np.float64)
    moved[data.draw(st.integers(0, len(values) - 1))] += factor * largest
    outputs = [Tensor("y", moved.shape, "float64", moved.astype("<f8").tobytes())]
    difference = check(outputs, [tensor(*values)], inf).max_relative_difference
    assert difference == pytest.approx(factor, rel=1e-6)
    assert kind(outputs, [tensor(*values)], factor * 0.99) == "output-mismatch"
    assert kind(outputs, [tensor(*values)], factor * 1.01) == ""


def test_a_small_output_is_not_hidden_by_a_large_one() -> None:
    reference = [tensor(1e6, name="boxes"), tensor(0.1, name="score")]
    outputs = [tensor(1e6, name="boxes"), tensor(0.2, name="score")]
    result = check(outputs, reference, 1e-4)
    assert result.max_relative_difference == pytest.approx(1)
    assert result.failure
    assert "'score'" in result.failure.message


def test_outputs_are_matched_by_position_not_by_name() -> None:
    assert kind([tensor(1, name="Identity:0")], [tensor(1, name="probabilities")], 1e-4) == ""
    swapped = [tensor(2, name="b"), tensor(1, name="a")]
    assert kind(swapped, [tensor(1, name="a"), tensor(2, name="b")], 1e-4) == "output-mismatch"


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_nan_and_infinity_fail_on_either_side(bad: float) -> None:
    assert kind([tensor(1, bad)], [tensor(1, 2)], 1e-4) == "output-nan"
    assert kind([tensor(1, 2)], [tensor(1, bad)], inf) == "output-nan"
    assert kind([tensor(1, bad)], [tensor(1, bad)], inf) == "output-nan"


def test_another_shape_or_number_of_outputs_fails() -> None:
    one = tensor(1, 2, 3, 4)
    assert kind([tensor(1, 2, 3, 4, shape=(1, 4))], [one], inf) == "output-shape"
    assert kind([tensor(1, 2, 3, 4, shape=(2, 2))], [one], inf) == "output-shape"
    assert kind([one, one], [one], inf) == "output-shape"
    assert kind([], [one], inf) == "output-shape"


def test_a_reference_of_zeros_is_met_only_by_zeros() -> None:
    assert kind([tensor(0, 0)], [tensor(0, 0)], 1e-4) == ""
    assert kind([tensor(0, 1e-30)], [tensor(0, 0)], 1e-4) == "output-mismatch"


def test_an_output_without_elements_is_compared_by_shape_alone() -> None:
    assert kind([tensor(shape=(0, 4))], [tensor(shape=(0, 4))], 1e-4) == ""


@pytest.mark.parametrize(
    "broken",
    [Tensor("y", (2,), "float32", b"1234567"), Tensor("y", (2,), "bfloat16", b"1234")],
)
def test_bytes_that_are_not_what_was_announced_are_unreadable(broken: Tensor) -> None:
    reference = tensor(1, 2)
    with pytest.raises(OutputUnreadable) as caught:
        check([broken], [reference], 1e-4)
    assert caught.value.hint


def test_a_check_discriminates_only_from_a_hundred_tolerances_on() -> None:
    reference = [tensor(1.0, 0.5)]
    assert discriminates(reference, [tensor(1.0, 0.52)], 1e-4)
    assert not discriminates(reference, [tensor(1.0, 0.505)], 1e-4)
    assert not discriminates(reference, [tensor(1.0, nan)], 1e-4)
    assert discriminates(reference, [tensor(1.0)], 1e-4)  # its shape depends on the data
    assert not discriminates(reference, [*reference, tensor(1.0)], 1e-4)


# --- inputs ------------------------------------------------------------------------------

DTYPES = ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"]


def drawn(dtype: str, low: float | None = None, high: float | None = None) -> np.ndarray:
    signature = InputSignature("x", (2, 500), dtype, low, high)
    (made,) = seeded_inputs([signature], 1, "m", 0)
    assert (made.name, made.shape, made.dtype) == ("x", (2, 500), dtype)
    return np.frombuffer(made.data, np.dtype(dtype).newbyteorder("<"))


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("float32", 0, 1),
        ("float16", 0, 1),
        ("uint8", 0, 255),
        ("int8", -128, 127),
        ("int32", 0, 1),
        ("int64", 0, 1),
        ("bool", 0, 1),
    ],
)
def test_each_dtype_fills_its_own_default_range(dtype: str, low: float, high: float) -> None:
    values = drawn(dtype).astype(np.float64)
    assert low <= values.min() < low + 0.02 * (high - low) + 1e-9
    assert values.max() <= high
    assert values.max() > low + 0.98 * (high - low) - 1e-9
    if dtype.startswith("float"):
        assert values.max() < high


def test_rounding_to_a_short_float_never_reaches_the_upper_end() -> None:
    (made,) = seeded_inputs([InputSignature("x", (50_000,), "float16")], 1, "m", 0)
    assert np.frombuffer(made.data, "<f2").max() == np.nextafter(np.float16(1), np.float16(0))


@settings(deadline=None)
@given(
    st.sampled_from(DTYPES[:-1]), st.integers(-100, 100), st.integers(1, 100), st.integers(0, 99)
)
def test_a_given_range_is_kept(dtype: str, low: int, width: int, seed: int) -> None:
    low = abs(low) if dtype == "uint8" else low
    high = min(low + width, 127)
    low = min(low, high - 1)
    signature = InputSignature("x", (300,), dtype, float(low), float(high))
    (made,) = seeded_inputs([signature], seed, "m", 0)
    values = np.frombuffer(made.data, dtype)
    assert values.min() >= low
    assert values.max() < high if dtype.startswith("float") else values.max() <= high


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("float32", 1, 1),
        ("float32", 2, 1),
        ("float32", 0, nan),
        ("float32", 0, inf),
        ("float16", 0, 1e6),
        ("uint8", -1, 5),
        ("int32", 0.2, 0.8),
        ("bool", 0, 2),
    ],
)
def test_an_empty_or_impossible_range_is_the_users_error(
    dtype: str, low: float, high: float
) -> None:
    with pytest.raises(SuiteError, match="cannot be drawn"):
        drawn(dtype, low, high)


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(SuiteError, match="takes string"):
        seeded_inputs([InputSignature("x", (1,), "string")], 1, "m", 0)
    with pytest.raises(SuiteError, match="elements"):
        seeded_inputs([InputSignature("x", (1 << 20, 1 << 20), "float32")], 1, "m", 0)


def test_every_part_of_the_key_changes_the_numbers() -> None:
    signature = InputSignature("x", (8,), "float32")
    made = {
        inputs_sha256(seeded_inputs([signature], seed, model, index))
        for seed in (1, 2)
        for model in ("a", "b")
        for index in (0, 1)
    }
    assert len(made) == 8
    first, second = seeded_inputs([signature, signature], 1, "a", 0)
    assert first.data != second.data


def test_inputs_are_the_same_on_every_machine_and_need_no_name() -> None:
    # Written with hashlib alone, as a reader in another language would.
    stream = sha_stream("input/m/7/0/0", 3)
    expected = b"".join(np.float32(number).tobytes() for number in stream)
    (made,) = seeded_inputs([InputSignature("input:0", (3,), "float32")], 7, "m", 0)
    (other,) = seeded_inputs([InputSignature("x", (3,), "float32")], 7, "m", 0)
    assert made.data == other.data == expected
    assert inputs_sha256([made]) == inputs_sha256([other])
    assert inputs_sha256([made]) == sha256(b"float32[3]" + expected).hexdigest()


def sha_stream(key: str, count: int) -> list[float]:
    import hashlib

    data = hashlib.shake_256(key.encode()).digest(4 * count)
    words = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
    return [(word >> 8) / 2**24 for word in words]


def test_drawn_numbers_look_uniform() -> None:
    numbers = uniform("any key", 100_000)
    counts, _ = np.histogram(numbers, bins=20, range=(0, 1))
    assert 0 <= numbers.min() <= numbers.max() < 1
    assert abs(counts - 5000).max() < 5 * 5000**0.5


# --- files -------------------------------------------------------------------------------

shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0\\/"), min_size=1, max_size=9)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    dtype, shape = draw(st.sampled_from(DTYPES[:-1])), draw(shapes)
    size = prod(shape) * np.dtype(dtype).itemsize
    return Tensor(draw(names), shape, dtype, draw(st.binary(min_size=size, max_size=size)))


@settings(deadline=None)
@given(st.lists(tensors(), max_size=4, unique_by=lambda item: item.name))
def test_an_npz_gives_back_what_was_written_and_depends_on_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, written: list[Tensor]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.npz"
    path.write_bytes(npz_bytes(written))
    assert load_npz(path) == tuple(written)
    assert npz_bytes(written) == path.read_bytes()


def test_two_outputs_of_one_name_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "twins.npz"
    path.write_bytes(npz_bytes([tensor(1), tensor(2)]))
    assert [item.data for item in load_npz(path)] == [tensor(1).data, tensor(2).data]


def test_a_reference_may_come_from_numpy_itself_in_any_byte_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", np.array([[1, 2]], ">f4"), np.array([3], "<i8"))
    first, second = load_npz(tmp_path / "r.npz")
    assert (first.shape, first.dtype) == ((1, 2), "float32")
    assert first.data == np.array([1, 2], "<f4").tobytes()
    assert (second.dtype, second.data) == ("int64", (3).to_bytes(8, "little"))


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut"])
def test_a_reference_that_cannot_be_read_is_the_users_error(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "r.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SuiteError) as caught:
        load_npz(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_objects_and_odd_types_in_a_reference_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(SuiteError, match=r"r\.npz"):
        load_npz(tmp_path / "r.npz")
    np.savez(tmp_path / "c.npz", np.array([1j]))
    with pytest.raises(SuiteError, match="complex128"):
        load_npz(tmp_path / "c.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(SuiteError, match=r"single\.npy"):
        load_npz(tmp_path / "single.npy")


@settings(deadline=None)
@given(st.data())
def test_a_damaged_npz_is_read_or_refused_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(npz_bytes([tensor(1, 2, 3), tensor(4, name="z")]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        load_npz(path)
    except SuiteError as error:
        assert error.hint


def test_the_module_itself_does_not_import_numpy() -> None:
    program = "import harness.outputs, harness.graphs.signature, sys; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr
