"""The scripts that look after a phone: nothing is changed that is not given back."""

from __future__ import annotations

from pathlib import Path

import pytest
from phone_scripts import SHELLS, Phone, add_core, make_phone

from harness.tools.android_device import read_conditions, read_device_info


@pytest.fixture(params=SHELLS)
def phone(request: pytest.FixtureRequest, tmp_path: Path) -> Phone:
    return make_phone(tmp_path / "a phone with $blanks", request.param)


def test_conditions_are_told_whole(phone: Phone) -> None:
    add_core(phone, 0)
    told = phone.run("conditions.sh", "0.05")
    assert (told.returncode, told.stderr) == (0, "")
    seen = read_conditions(told.stdout)
    assert (seen.battery.percent, seen.battery.celsius, seen.battery.plugged) == (81, 28.7, True)
    assert (seen.thermal.status, seen.thermal.skin_c, seen.thermal.cpu_c) == (0, 30.1, 35.600002)
    assert seen.awake is True
    assert seen.cpu is not None
    assert seen.cpu.cores[0].current_hz == 1.2e9
    assert seen.load is not None


def test_a_phone_that_tells_nothing_is_not_known(phone: Phone) -> None:
    phone.without("dumpsys")
    phone.without("settings")
    told = phone.run("conditions.sh")
    assert (told.returncode, told.stderr) == (0, "")
    seen = read_conditions(told.stdout)
    assert seen.battery.percent is seen.battery.celsius is seen.thermal.status is None
    assert seen.awake is seen.battery_saver is seen.load is None


def test_device_info_tells_what_the_device_is(phone: Phone) -> None:
    phone.program(
        "getprop", 'case $1 in ro.product.model) echo "A phone";; ro.hardware) echo h;; esac'
    )
    info = read_device_info(phone.run("device_info.sh").stdout)
    assert (info.model, info.soc, info.fingerprint) == ("A phone", "h", "")
    assert info.memory_bytes is not None
    assert info.memory_bytes > 2**28
    assert len(info.boot_id) == 36
    assert info.conditions.battery.percent == 81


def test_setting_up_keeps_each_old_value_and_restoring_brings_it_back(phone: Phone) -> None:
    phone.set("global.stay_on_while_plugged_in", "0")
    phone.set("system.screen_brightness", "102")
    before = phone.settings()
    assert phone.run("setup.sh", phone.saved, "stay_awake", "brightness=10").returncode == 0
    assert phone.settings() == {
        "global.stay_on_while_plugged_in": "7",
        "system.screen_brightness": "10",
        "system.screen_brightness_mode": "0",
    }
    restored = phone.run("restore.sh", phone.saved)
    assert (restored.returncode, restored.stderr) == (0, "")
    # A setting that was not there is not there again.
    assert phone.settings() == before
    assert not phone.saved.exists()


def test_only_what_is_asked_for_is_changed(phone: Phone) -> None:
    phone.run("setup.sh", phone.saved, "no_animations")
    assert set(phone.settings()) == {
        "global.window_animation_scale",
        "global.transition_animation_scale",
        "global.animator_duration_scale",
    }
    assert "input" not in (phone.home / "calls.txt").read_text()


def test_the_values_of_a_session_that_crashed_are_not_overwritten(phone: Phone) -> None:
    phone.set("system.screen_brightness", "102")
    phone.run("setup.sh", phone.saved, "brightness=10")
    phone.run("setup.sh", phone.saved, "brightness=20")
    phone.run("restore.sh", phone.saved)
    assert phone.settings()["system.screen_brightness"] == "102"


def test_restoring_twice_and_without_anything_kept_does_nothing(phone: Phone) -> None:
    phone.set("system.screen_brightness", "102")
    phone.run("setup.sh", phone.saved, "brightness=10")
    phone.run("restore.sh", phone.saved)
    phone.set("system.screen_brightness", "55")
    again = phone.run("restore.sh", phone.saved)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert phone.settings()["system.screen_brightness"] == "55"


def test_a_value_that_cannot_be_restored_stays_kept(phone: Phone) -> None:
    phone.set("system.screen_brightness", "102")
    phone.run("setup.sh", phone.saved, "brightness=10")
    real = phone.home / "bin" / "settings"
    real.rename(phone.home / "bin" / "real-settings")
    phone.program("settings", '[ "$1" = put ] && exit 1; exec "${0%/*}/real-settings" "$@"')
    failed = phone.run("restore.sh", phone.saved)
    assert failed.returncode == 1
    assert "kept system screen_brightness 102" in failed.stderr
    (phone.home / "bin" / "settings").unlink()
    (phone.home / "bin" / "real-settings").rename(real)
    assert phone.run("restore.sh", phone.saved).returncode == 0
    assert phone.settings()["system.screen_brightness"] == "102"


def test_an_old_value_that_is_no_number_is_left_as_it_is(phone: Phone) -> None:
    phone.set("system.screen_brightness", "Error: no such $(thing)")
    failed = phone.run("setup.sh", phone.saved, "brightness=10")
    assert failed.returncode == 1
    assert phone.settings()["system.screen_brightness"] == "Error: no such $(thing)"


def test_clocks_are_locked_at_a_step_below_their_maximum_and_given_free(phone: Phone) -> None:
    phone.program("id", "echo 0")
    little = add_core(phone, 0)
    big = add_core(
        phone, 4, cpuinfo_max_freq=3_000_000, scaling_max_freq=2_900_000,
        scaling_available_frequencies="300000 1800000 3000000",
    )  # fmt: skip
    locked = phone.run("lock_clocks.sh", "lock", phone.saved)
    assert (locked.returncode, locked.stderr) == (0, "")
    assert locked.stdout == "locked policy0 1400000\nlocked policy4 1800000\n"
    assert [_limits(policy) for policy in (little, big)] == [(1_400_000,) * 2, (1_800_000,) * 2]
    # Locked again, as after a crash: the first limits are the true ones.
    phone.run("lock_clocks.sh", "lock", phone.saved)
    restored = phone.run("restore.sh", phone.saved)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert [_limits(policy) for policy in (little, big)] == [
        (300_000, 2_400_000),
        (300_000, 2_900_000),
    ]
    assert not phone.saved.exists()


def test_clocks_without_root_are_refused_and_nothing_is_touched(phone: Phone) -> None:
    phone.program("id", "echo 2000")
    phone.program("su", "echo 'su: not allowed' >&2; exit 1")
    policy = add_core(phone, 0)
    refused = phone.run("lock_clocks.sh", "lock", phone.saved)
    assert refused.returncode == 3
    assert "root" in refused.stderr
    assert _limits(policy) == (300_000, 2_400_000)
    assert not phone.saved.exists()


@pytest.mark.parametrize("spelling", ["AOSP", "Magisk"])
def test_root_is_asked_for_in_both_spellings_of_su(phone: Phone, spelling: str) -> None:
    phone.program("id", '[ -n "$ROOT" ] && echo 0 || echo 2000')
    aosp = '[ "$1" = 0 ] || exit 1; shift; ROOT=1 exec "$@"'
    magisk = '[ "$1" = -c ] || exit 1; ROOT=1 exec sh -c "$2"'
    phone.program("su", "export ROOT; " + (aosp if spelling == "AOSP" else magisk))
    policy = add_core(phone, 0)
    locked = phone.run("lock_clocks.sh", "lock", phone.saved)
    assert locked.returncode == 0, locked
    assert _limits(policy) == (1_400_000, 1_400_000)


def test_the_thermal_wait_ends_when_the_phone_is_cool(phone: Phone) -> None:
    waited = phone.run("thermal_wait.sh", 0, 400, 5, 1)
    assert waited.returncode == 0
    # Whole seconds: a second may begin between the two readings of the clock.
    assert waited.stdout in {f"waited {n} status=0 battery=287\n" for n in (0, 1)}


def test_the_thermal_wait_is_bounded(phone: Phone) -> None:
    waited = phone.run("thermal_wait.sh", 0, 200, 1, 1)
    assert waited.returncode == 1
    assert waited.stdout.startswith(("waited 1 status=0", "waited 2 status=0"))
    assert "battery=287" in waited.stdout


def test_the_thermal_wait_does_not_wait_for_what_is_not_known(phone: Phone) -> None:
    phone.without("dumpsys")
    said = phone.run("thermal_wait.sh", 0, 200, 60, 1).stdout
    assert said in {f"waited {n} status= battery=\n" for n in (0, 1)}


def _limits(policy: Path) -> tuple[int, int]:
    return tuple(int((policy / f"scaling_{end}_freq").read_text()) for end in ("min", "max"))  # type: ignore[return-value]  # two ends
