"""The run wrapper's watching and sampling, and the loop of sustained runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from phone_scripts import SHELLS, Phone, add_core, make_phone

from harness.tools.android_device import (
    busy_share,
    children_seconds,
    mean_frequencies,
    read_conditions,
    read_cpu_states,
    read_memory_samples,
    read_samples,
)


@pytest.fixture(params=SHELLS)
def phone(request: pytest.FixtureRequest, tmp_path: Path) -> Phone:
    made = make_phone(tmp_path / "a phone with $blanks", request.param)
    (made.home / "run").mkdir()
    return made


def tool(phone: Phone, script: str) -> str:
    phone.program("tool", script)
    return str(phone.home / "bin" / "tool")


def python(code: str) -> str:
    return f"exec {sys.executable} -c '{code}'"


def left(phone: Phone, name: str) -> str:
    return (phone.home / "run" / name).read_text()


def test_watching_brackets_the_tool_with_the_state_of_the_cpus(phone: Phone) -> None:
    add_core(phone, 0)
    burn = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    said = phone.run("run.sh", "--watch", phone.home / "run", "n0nce", tool(phone, python(burn)))
    assert re.search(r"EDGEBENCH-END n0nce exit=0 ", said.stdout), said
    before, after = read_cpu_states(left(phone, "cpu.txt"))
    assert (before.name, after.name) == ("before", "after")
    assert before.uptime_s is not None
    assert after.uptime_s is not None
    assert after.uptime_s > before.uptime_s
    own_s = children_seconds(left(phone, "cpu.txt"))
    assert own_s is not None
    assert 0.2 <= own_s < 5
    with_tool, others = busy_share(before, after), busy_share(before, after, own_s=own_s)
    assert with_tool is not None
    assert others is not None
    assert others < with_tool <= 1


def test_the_mean_clock_of_a_run_is_weighted_by_time(phone: Phone) -> None:
    stats = add_core(phone, 0) / "stats"
    stats.mkdir()
    (stats / "time_in_state").write_text("300000 100\n2400000 100\n")
    slow = f"cat > /dev/null; echo '300000 110\n2400000 130' > '{stats}/time_in_state'"
    phone.run("run.sh", "--watch", phone.home / "run", "n0nce", tool(phone, slow))
    before, after = read_cpu_states(left(phone, "cpu.txt"))
    assert mean_frequencies(before, after) == {0: 0.25 * 300e6 + 0.75 * 2400e6}


def test_without_watching_nothing_more_is_left(phone: Phone) -> None:
    phone.run("run.sh", phone.home / "run", "n0nce", tool(phone, "exit 0"))
    left_behind = {path.name for path in (phone.home / "run").iterdir()}
    assert left_behind == {"stdout.txt", "stderr.txt", "pgid"}


def test_sampling_sees_the_tools_own_memory_and_the_clocks(phone: Phone) -> None:
    add_core(phone, 0)
    add_core(phone, 10, scaling_cur_freq=2_000_000)
    eat = "import time\nfat = bytearray(64 << 20)\ntime.sleep(0.5)"
    said = phone.run(
        "run.sh", "--sample", "0.1", phone.home / "run", "n0nce", tool(phone, python(eat))
    )
    assert "exit=0 " in said.stdout, said
    samples = read_memory_samples(left(phone, "samples.txt"))
    assert samples.count >= 3
    assert samples.peak_pss_bytes is not None
    assert samples.peak_rss_bytes is not None
    assert 64 << 20 < samples.peak_pss_bytes <= samples.peak_rss_bytes < 128 << 20
    assert read_samples(left(phone, "samples.txt"))[0].frequencies_hz == {0: 1.2e9, 10: 2e9}


def test_a_fat_parent_does_not_show_in_the_sampled_memory(phone: Phone) -> None:
    ballast = bytearray(os.urandom(1024) * 1024 * 200)
    phone.run("run.sh", "--sample", "0.1", phone.home / "run", "n0nce", tool(phone, "sleep 0.3"))
    samples = read_memory_samples(left(phone, "samples.txt"))
    assert samples.count
    assert (samples.peak_rss_bytes or 0) < 32 << 20 < len(ballast)


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -SEGV $$", 139)])
def test_sampling_does_not_change_how_the_end_is_told(phone: Phone, script: str, code: int) -> None:
    said = phone.run(
        "run.sh", "--sample", "5", phone.home / "run", "n0nce", tool(phone, f"echo out; {script}")
    )
    assert f"EDGEBENCH-END n0nce exit={code} " in said.stdout
    assert left(phone, "stdout.txt") == "out\n"


def test_the_sampler_is_gone_with_the_tool(phone: Phone) -> None:
    seconds = "43.21"
    phone.run("run.sh", "--sample", seconds, phone.home / "run", "n0nce", tool(phone, "exit 0"))
    group = int(left(phone, "pgid"))
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_an_interval_that_is_no_number_is_refused(phone: Phone) -> None:
    said = phone.run("run.sh", "--sample", "1;reboot", phone.home / "run", "n", "true")
    assert said.returncode == 2


def test_a_sustained_run_is_a_fresh_process_per_window(phone: Phone) -> None:
    script = Path(__file__).parents[2] / "device_scripts" / "android" / "sustained.sh"
    program = tool(phone, 'echo "$$ $1"; echo err >&2')
    said = phone.run("run.sh", phone.home / "run", "n0nce", "sh", str(script), "3", program, "a b")
    assert "exit=0 " in said.stdout, said
    out = left(phone, "stdout.txt")
    assert len(set(re.findall(r"^(\d+) a b$", out, re.MULTILINE))) == 3
    marks = re.findall(r"^EDGEBENCH-WINDOW (\d) exit=0 from=[\d.]+ to=[\d.]+$", out, re.MULTILINE)
    assert marks == ["1", "2", "3"]
    assert left(phone, "stderr.txt").count("err") == 3
    told = left(phone, "windows.txt").split("EDGEBENCH-WINDOW ")[1:]
    assert [text[0] for text in told] == ["0", "1", "2", "3"]
    assert all(read_conditions(text).battery.celsius == 28.7 for text in told)


def test_a_sustained_run_ends_at_the_first_window_that_fails(phone: Phone) -> None:
    script = Path(__file__).parents[2] / "device_scripts" / "android" / "sustained.sh"
    program = tool(phone, "[ -e twice ] && exit 9; [ -e once ] && : > twice; : > once")
    said = phone.run("run.sh", phone.home / "run", "n0nce", "sh", str(script), "9", program)
    assert "exit=9 " in said.stdout
    assert "EDGEBENCH-WINDOW 3 exit=9" in left(phone, "stdout.txt")
    assert "EDGEBENCH-WINDOW 4" not in left(phone, "stdout.txt")
