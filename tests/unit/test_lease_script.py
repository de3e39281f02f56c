"""The lease's marker on the device, under Android's shell and tools and others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from phone_scripts import SCRIPTS, SHELLS, Phone, make_phone

from harness.transports.phone_lease.marker import parse_marker


@pytest.fixture(params=SHELLS)
def phone(request: pytest.FixtureRequest, tmp_path: Path) -> Phone:
    return make_phone(tmp_path / "phone", request.param)


def lease(phone: Phone, action: str, *arguments: object) -> str:
    return phone.run("lease.sh", action, phone.home / "a b" / "lease", *arguments).stdout.strip()


def test_a_lease_is_exclusive_until_it_is_released(phone: Phone) -> None:
    assert lease(phone, "show") == "free"
    assert lease(phone, "take", "t1", "a:1:2.0", 100) == "taken"
    assert lease(phone, "take", "t2", "b:1:2.0", 100).startswith("leased t1 a:1:2.0 ")
    assert lease(phone, "release", "t2") == "released"
    assert lease(phone, "show").startswith("leased t1 ")
    assert lease(phone, "renew", "t2", "b", 100).startswith("leased t1 ")
    assert lease(phone, "renew", "t1", "a", 900) == "renewed"
    assert 100 < parse_marker(lease(phone, "show")).left_s <= 900
    assert lease(phone, "release", "t1") == "released"
    assert lease(phone, "renew", "t1", "a", 100) == "free"
    assert list((phone.home / "a b").iterdir()) == []


@pytest.mark.parametrize("left", ["t0 old 5\n", "", "t0 old nonsense\n"])
def test_what_expired_or_was_left_half_written_is_taken_over(phone: Phone, left: str) -> None:
    (phone.home / "a b").mkdir()
    (phone.home / "a b" / "lease").write_text(left)
    assert lease(phone, "show") == "free"
    assert lease(phone, "take", "t1", "a", 100).startswith("taken-over ")
    assert lease(phone, "show").startswith("leased t1 a ")


def test_of_many_that_come_at_once_exactly_one_has_it(phone: Phone) -> None:
    marker = phone.home / "lease"
    for round_ in range(3):
        if round_ == 1:
            marker.write_text("t0 old 5\n")
        contenders = [
            subprocess.Popen(
                [phone.shell, str(SCRIPTS / "lease.sh"), "take", str(marker), f"t{n}", "a", "100"],
                env=phone.environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(1, 7)
        ]
        said = [contender.communicate(timeout=60)[0] for contender in contenders]
        winners = [n for n, line in enumerate(said, start=1) if line.startswith("taken")]
        assert len(winners) == 1, said
        assert marker.read_text().startswith(f"t{winners[0]} ")
        marker.unlink()
