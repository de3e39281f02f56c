"""What an adb server lists is read, and every state that is not ready has its own next step."""

from __future__ import annotations

import pytest

from harness.errors import TargetError, TargetNotFound, TargetUnfit
from harness.transports.adb.states import DeviceState, choose, parse_devices

# Lines in the form that adb 36's `append_transport` prints; made up but for the virtual ones.
LISTING = """\
0a388e93               device usb:1-1 product:razor model:Nexus_7 device:flo transport_id:1
emulator-5554          offline product:sdk model:sdk_gphone device:emu64 transport_id:2
HT4A1JT00001           unauthorized usb:1-2 transport_id:3
????????????           no permissions (user in plugdev group; are your udev rules wrong?); see \
[http://developer.android.com/tools/device.html] usb:1-4 transport_id:4
adb-X (2)._adb-tls-connect._tcp device product:p model:Pixel_8 device:shiba transport_id:5
127.0.0.1:42295        device product:virtual model:edgebench_virtual_device device:virtual \
transport_id:6
R58M                   recovery usb:2-1 transport_id:7
"""


def test_every_line_is_read_blanks_in_serials_and_explanations_included() -> None:
    assert parse_devices(LISTING) == (
        DeviceState("0a388e93", "device", "Nexus_7"),
        DeviceState("emulator-5554", "offline", "sdk_gphone"),
        DeviceState("HT4A1JT00001", "unauthorized"),
        DeviceState("????????????", "no permissions"),
        DeviceState("adb-X (2)._adb-tls-connect._tcp", "device", "Pixel_8"),
        DeviceState("127.0.0.1:42295", "device", "edgebench_virtual_device"),
        DeviceState("R58M", "recovery"),
    )


def test_an_empty_listing_has_no_devices() -> None:
    assert parse_devices("\n") == ()


STATES = ["unauthorized", "authorizing", "offline", "no permissions", "recovery", "sideload",
          "bootloader", "rescue", "connecting", "host", "detached", "disconnect", "unknown"]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_a_device_that_is_not_ready_names_its_state_and_a_next_step(state: str) -> None:
    (found,) = parse_devices(f"S123 {state} transport_id:1")
    with pytest.raises(TargetUnfit) as caught:
        choose("auto", [found])
    assert state in str(caught.value)
    assert caught.value.where == "S123"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("unauthorized", "unauthorized"),
        ("offline", "offline"),
        ("no permissions", "no-permissions"),
        ("recovery", "recovery"),
        ("sideload", "recovery"),
        ("bootloader", "target-unfit"),
    ],
)
def test_states_are_told_apart_by_kind(state: str, kind: str) -> None:
    with pytest.raises(TargetUnfit) as caught:
        choose("S123", [DeviceState("S123", state)])
    assert caught.value.kind == kind


def test_different_states_have_different_next_steps() -> None:
    hints = {DeviceState("s", state).hint for state in ("unauthorized", "offline", "recovery")}
    assert len(hints) == 3


def test_auto_is_the_one_attached_phone() -> None:
    assert choose("auto", [DeviceState("S1", "device")]) == "S1"


def test_auto_with_no_phone_says_so() -> None:
    with pytest.raises(TargetNotFound) as caught:
        choose("auto", [])
    assert caught.value.kind == "target-not-found"
    assert "virtual" in caught.value.hint


def test_auto_never_guesses_between_two_phones_even_if_one_is_not_ready() -> None:
    with pytest.raises(TargetUnfit) as caught:
        choose("auto", [DeviceState("S1", "device"), DeviceState("S2", "offline")])
    assert "S1 (device), S2 (offline)" in str(caught.value)


def test_a_serial_is_taken_among_phones_of_one_model() -> None:
    phones = [DeviceState("S1", "device", "Pixel_8"), DeviceState("S2", "device", "Pixel_8")]
    assert choose("S2", phones) == "S2"


def test_a_serial_that_is_not_attached_lists_those_that_are() -> None:
    with pytest.raises(TargetError) as caught:
        choose("S9", [DeviceState("S1", "device")])
    assert isinstance(caught.value, TargetNotFound)
    assert "S1" in caught.value.hint
