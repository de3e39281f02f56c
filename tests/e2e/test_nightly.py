"""The set-ups for every night measure, tell, lock, and fail where they should."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Commander

ROOT = Path(__file__).parents[2]
SETUPS = ROOT / "configs" / "nightly"
WORKFLOW = SETUPS / "github-actions.yml"


@pytest.fixture
def home(stranger: Commander, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with edgebench in it, as the set-ups expect it; its suite is a quick one."""
    checkout = stranger.folder / "edgebench"
    program = checkout / ".venv" / "bin" / "edgebench"
    program.parent.mkdir(parents=True)
    python_path = os.pathsep.join([stranger.environment["PYTHONPATH"], str(ROOT)])
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(python_path)} exec {sys.executable} -m harness "$@"\n'
    )
    program.chmod(0o755)
    (checkout / "configs").mkdir()
    shutil.copy(stranger.folder / "program.py", checkout)
    suite = (stranger.folder / "suite.yaml").read_text()
    (checkout / "configs" / "quickstart.yaml").write_text(honest(suite))
    monkeypatch.setenv("PATH", stranger.environment["PATH"])
    return stranger.folder


def honest(suite: str) -> str:
    """Leave out the variant that always fails, and all but one block."""
    kept = "".join(line for line in suite.splitlines(keepends=True) if "liar" not in line)
    return kept.replace("blocks: 2", "blocks: 1")


def spoil(home: Path) -> None:
    """Have the suite's program fail from now on."""
    (home / "edgebench" / "program.py").write_text("raise SystemExit('broken')\n")


def sessions(home: Path) -> list[Path]:
    return [each.parent for each in (home / "edgebench" / "results").rglob("session.json")]


# GitHub Actions


def workflow() -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return read


def run_steps(home: Path, pull_request: str = "") -> dict[str, subprocess.CompletedProcess[str]]:
    """Run every `run:` step as the runner does, whatever became of those before it."""
    checkout = home / "edgebench"
    (checkout / "Makefile").write_text("setup:\n\t@test -x .venv/bin/edgebench\n")
    gh = home / "bin" / "gh"
    gh.parent.mkdir(exist_ok=True)
    gh.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >>"$HOME/gh-was-asked"\n')
    gh.chmod(0o755)
    values = {
        "${{ inputs.suite || 'configs/quickstart.yaml' }}": "configs/quickstart.yaml",
        "${{ github.token }}": "a-token",
        "${{ inputs.pull_request }}": pull_request,
    }
    [job] = workflow()["jobs"].values()
    done = {}
    for step in job["steps"]:
        given = {**job.get("env", {}), **step.get("env", {})}
        if "run" not in step or ("inputs.pull_request" in step.get("if", "") and not pull_request):
            continue
        script = home / "step.sh"
        script.write_text(step["run"])
        done[step["name"]] = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=checkout,
            env={
                **os.environ,
                **{name: values[text] for name, text in given.items()},
                "HOME": str(home),
                "PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}",
                "GITHUB_STEP_SUMMARY": str(home / "summary.md"),
            },
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    return done


def test_the_workflows_steps_measure_and_put_the_page_where_it_is_seen(home: Path) -> None:
    done = run_steps(home, pull_request="17")
    assert {name: step.returncode for name, step in done.items()} == dict.fromkeys(done, 0), done
    summary = (home / "summary.md").read_text()
    assert summary.startswith("### ")
    assert "green" in summary.splitlines()[0]
    assert summary == (home / "edgebench" / "digest.md").read_text()
    asked = (home / "gh-was-asked").read_text().splitlines()
    assert asked == ["pr", "comment", "17", "--body-file", "digest.md"]


def test_the_workflows_job_fails_when_the_session_does_and_tells_all_the_same(home: Path) -> None:
    spoil(home)
    done = run_steps(home)
    codes = {name: step.returncode for name, step in done.items()}
    assert codes["Measure"] == 1
    assert codes["Put the morning page into the summary"] == 1
    assert "RED" in (home / "summary.md").read_text()
    assert not (home / "gh-was-asked").exists()


def breaches_of_the_published_schema(path: Path) -> str:
    schema = ["--builtin-schema", "vendor.github-workflows"]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if checked.returncode == 0 else checked.stdout


def test_the_workflow_keeps_the_published_schema_of_workflows(tmp_path: Path) -> None:
    assert breaches_of_the_published_schema(WORKFLOW) == ""
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOW.read_text(encoding="utf-8").replace("runs-on:", "run-on:"))
    assert "runs-on" in breaches_of_the_published_schema(broken)


def test_every_step_after_measuring_runs_after_a_failure_too() -> None:
    [job] = workflow()["jobs"].values()
    names = [step.get("name") for step in job["steps"]]
    after = job["steps"][names.index("Measure") + 1 :]
    assert len(after) >= 3
    assert all("!cancelled()" in step["if"] for step in after)


def test_no_step_puts_what_a_person_typed_into_a_shell() -> None:
    [job] = workflow()["jobs"].values()
    assert not [step for step in job["steps"] if "${{" in step.get("run", "")]


# systemd


def directives(unit: Path) -> dict[str, str]:
    lines = unit.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def service_command(home: Path, directive: str) -> list[str]:
    text = directives(SETUPS / "edgebench-nightly.service")[directive]
    return shlex.split(text.removeprefix("-").replace("%h", str(home)))


def test_the_units_are_what_systemd_understands(home: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        assert os.environ.get("CI") != "true", "systemd-analyze is missing: see apt-packages.txt"
        pytest.skip("systemd-analyze is missing: see apt-packages.txt")
    units = home / "units"
    units.mkdir()
    names = ["edgebench-nightly.service", "edgebench-nightly.timer"]
    for name in names:
        shutil.copy(SETUPS / name, units)
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    (home / "edgebench" / "docs").mkdir()
    (home / "edgebench" / "docs" / "nightly.md").touch()
    verified = subprocess.run(
        [analyze, "verify", "--user", *names],
        cwd=units,
        env={**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    assert "edgebench-nightly" not in verified.stderr
    when = directives(SETUPS / "edgebench-nightly.timer")["OnCalendar"]
    subprocess.run([analyze, "calendar", when], check=True, capture_output=True)


def test_the_service_measures_and_its_page_reaches_the_journal(home: Path) -> None:
    measured = subprocess.run(
        service_command(home, "ExecStart"), cwd=home / "edgebench", check=False, capture_output=True
    )
    assert measured.returncode == 0, measured.stderr
    [session] = sessions(home)
    page = subprocess.run(
        service_command(home, "ExecStopPost"),
        cwd=home / "edgebench",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert session.name in page


# cron


def by_cron(home: Path) -> subprocess.CompletedProcess[str]:
    [line] = [
        line
        for line in (SETUPS / "crontab").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    *when, command = line.split(maxsplit=5)
    assert all(re.fullmatch(r"\*|\d{1,2}", field) for field in when), when
    assert "%" not in command, "cron makes it a new line"
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd="/",
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_cron_mails_nothing_after_a_good_night_and_the_page_after_another(home: Path) -> None:
    good = by_cron(home)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    assert len(sessions(home)) == 1
    spoil(home)
    mailed = by_cron(home)
    assert mailed.returncode == 1
    assert "RED" in mailed.stdout
    assert "next: " in mailed.stdout


def test_cron_measures_nothing_while_a_session_holds_the_lock(home: Path) -> None:
    by_cron(home)
    lock = home / "edgebench" / "results" / ".nightly.lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert by_cron(home).stdout
    assert len(sessions(home)) == 1


# on_finish: whatever became of the session

KEEP = "import os, shutil; shutil.copy(os.environ['EDGEBENCH_DIGEST'], 'finished.json')"


@pytest.mark.parametrize(
    ("verb", "spoilt", "code"), [("run", False, 0), ("run", True, 1), ("gate", False, 0)]
)
def test_on_finish_gets_every_session_and_no_dry_run(
    stranger: Commander, verb: str, spoilt: bool, code: int
) -> None:
    suite = stranger.folder / "suite.yaml"
    command = json.dumps([sys.executable, "-c", KEEP])
    suite.write_text(f"{honest(suite.read_text())}\non_finish: {command}\n")
    kept = stranger.folder / "finished.json"
    assert stranger("run", "suite.yaml", "--dry-run").returncode == 0
    assert not kept.exists()
    if spoilt:
        (stranger.folder / "program.py").write_text("raise SystemExit('broken')\n")
    run = stranger(verb, "suite.yaml", "--out", "r", "--quiet")
    assert run.returncode == code, run.stderr
    digest = json.loads(kept.read_text())
    assert digest["red"] is spoilt
    [session] = digest["sessions"]
    assert session["folder"] == "r"
    assert (session["verdicts"] is not None) is (verb == "gate")


SLOW = """
import time
time.sleep(0.5)
print("threads=1")
print("iteration_s=0.001")
"""


def test_on_finish_gets_a_session_that_was_interrupted_after_it_was_saved(
    stranger: Commander,
) -> None:
    suite = stranger.folder / "suite.yaml"
    command = json.dumps([sys.executable, "-c", KEEP])
    suite.write_text(f"{honest(suite.read_text())}\non_finish: {command}\n")
    (stranger.folder / "program.py").write_text(SLOW)
    session = stranger.start("run", "suite.yaml", "--out", "r", "--progress=lines")
    assert session.stderr is not None
    while "[1/2]" not in session.stderr.readline():
        pass
    session.send_signal(signal.SIGTERM)
    _, stderr = session.communicate()
    assert session.returncode == 130, stderr
    digest = json.loads((stranger.folder / "finished.json").read_text())
    assert "not run" in [finding["trouble"] for finding in digest["sessions"][0]["findings"]]
