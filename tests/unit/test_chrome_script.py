"""chrome.sh under Android's shell and others, beside a reconstructed `am`, `pidof` and `ps`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from phone_scripts import SHELLS, Phone, make_phone

from harness.tools.android_device import app_seconds

CHROME = "com.android.chrome"
ACTIVITY = "com.google.android.apps.chrome.Main"
WEBVIEW = "com.google.android.webview:sandboxed_process0:org.chromium.Service0:0"


@pytest.fixture(params=SHELLS)
def phone(request: pytest.FixtureRequest, tmp_path: Path) -> Phone:
    """A phone with Chrome on it, whose state is the file `running`; every call is noted down."""
    phone = make_phone(tmp_path / "phone", request.param)
    state, calls = phone.home / "running", phone.home / "calls.txt"
    phone.program("pm", f'[ "$2" = {CHROME} ] && echo package:/data/app/base.apk')
    phone.program("pidof", f'[ -f "{state}" ] && echo 4711 4712')
    phone.program(
        "am",
        f'echo "am $*" >> "{calls}"\n'
        f'case $1 in force-stop) rm -f "{state}" ;; start) : > "{state}" ;; esac',
    )
    phone.program("wm", f'echo "wm $*" >> "{calls}"')
    return phone


def calls(phone: Phone) -> list[str]:
    path = phone.home / "calls.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_it_is_woken_ended_and_started_anew_in_that_order(phone: Phone) -> None:
    said = phone.run("chrome.sh", "start", CHROME)
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == "pid 4711"
    assert calls(phone) == [
        "input keyevent KEYCODE_WAKEUP",
        "wm dismiss-keyguard",
        f"am force-stop {CHROME}",
        f"am start -W -n {CHROME}/{ACTIVITY} -a android.intent.action.VIEW -d about:blank",
    ]


def test_it_is_found_only_while_it_runs(phone: Phone) -> None:
    assert phone.run("chrome.sh", "pid", CHROME).returncode == 1
    (phone.home / "running").touch()
    assert phone.run("chrome.sh", "pid", CHROME).stdout == "pid 4711\n"
    assert phone.run("chrome.sh", "stop", CHROME).returncode == 0
    assert phone.run("chrome.sh", "pid", CHROME).returncode == 1


def test_a_package_that_is_not_there_is_not_started(phone: Phone) -> None:
    said = phone.run("chrome.sh", "start", "com.chrome.beta")
    assert said.returncode == 3
    assert not any(call.startswith("am") for call in calls(phone))


def test_one_that_does_not_start_or_end_is_told(phone: Phone) -> None:
    phone.program("sleep", "exit 0")
    phone.program("am", "exit 0")
    assert phone.run("chrome.sh", "start", CHROME).returncode == 5
    (phone.home / "running").touch()
    assert phone.run("chrome.sh", "start", CHROME).returncode == 4


def test_only_processes_of_its_pages_are_listed_with_the_kernels_times(phone: Phone) -> None:
    own = os.getpid()
    phone.program(
        "ps",
        "echo '  PID NAME'\n"
        f"echo '{own} {CHROME}:sandboxed_process0:org.chromium.content.app.Service0:0'\n"
        f"echo '{own} {CHROME}'\n"
        f"echo '{own} {WEBVIEW}'\n"
        f"echo '2147483647 {CHROME}:sandboxed_process0:gone'",
    )
    before = _ticks(own)
    said = phone.run("chrome.sh", "cpu", CHROME).stdout
    assert (found := re.fullmatch(rf"cpu {own} (\d+)\n", said)), said
    assert before <= int(found[1]) <= _ticks(own)


def test_what_it_used_is_told_outside_of_what_all_cpus_did(phone: Phone) -> None:
    own = os.getpid()
    names = (CHROME, f"{CHROME}:privileged_process0", f"{CHROME}_zygote", f"{CHROME}.beta", WEBVIEW)
    lines = "".join(f"echo '{own} {name}'\n" for name in names)
    phone.program("ps", f"echo '  PID NAME'\n{lines}")
    least = 3 * _ticks(own)
    before = phone.run("chrome.sh", "before", CHROME).stdout
    after = phone.run("chrome.sh", "after", CHROME).stdout
    assert before.startswith("app before "), before
    assert before.endswith("end before\n")
    assert after.startswith("state after\n")
    told = re.findall(r"^app (?:before|after) (\d+)$", before + after, re.MULTILINE)
    assert least <= int(told[0]) <= int(told[1]) <= 3 * _ticks(own)
    assert app_seconds(before + after) == (int(told[1]) - int(told[0])) / 100


@pytest.mark.parametrize("words", [(), ("start",), ("burn", CHROME), ("pid", CHROME, "more")])
def test_other_words_are_refused(phone: Phone, words: tuple[str, ...]) -> None:
    assert phone.run("chrome.sh", *words).returncode == 2


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
