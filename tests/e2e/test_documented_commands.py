"""What README and docs show works: commands are run, or parsed where they need a phone or hours."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from conftest import Commander

from harness import lab
from harness.cli.arguments import parse
from harness.suite.load import load

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown(prefix: str) -> list[tuple[str, str]]:
    """Return (page, command) for every line of a code block that begins with a program."""
    return [
        (page.name, re.split(r"\s{2,}#|\s{3,}", line)[0].strip())
        for page in PAGES
        for _, block in FENCE.findall(page.read_text())
        for line in block.splitlines()
        if line.removeprefix(".venv/bin/").startswith(prefix)
    ]


def suites() -> list[tuple[str, str]]:
    return [
        (page.name, block)
        for page in PAGES
        for language, block in FENCE.findall(page.read_text())
        if language == "yaml" and block.startswith("suite:") and "driver: command" not in block
    ]


def test_there_is_something_to_check() -> None:
    assert len(shown("edgebench ")) >= 3
    assert len(shown("make ")) >= 2
    assert suites()


@pytest.mark.parametrize(("page", "command"), sorted(set(shown("make "))))
def test_every_documented_make_target_exists(page: str, command: str) -> None:
    dry = subprocess.run(
        [*shlex.split(command), "--dry-run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert dry.returncode == 0, f"{page}: {dry.stderr}"


@pytest.mark.parametrize(("page", "command"), sorted(set(shown("edgebench "))))
def test_every_documented_command_is_understood(page: str, command: str) -> None:
    words = shlex.split(command.removeprefix(".venv/bin/"))[1:]
    if any(mark in command for mark in "[…|"):
        # A synopsis: its verb must exist and its flags must be known to that verb.
        for verb in words[0].split("|"):
            with pytest.raises(SystemExit) as ended:
                parse([verb, "--help"])
            assert ended.value.code == 0
        return
    placeholders = {"SUITE": "configs/quickstart.yaml", "DIR": "results"}
    assert parse([placeholders.get(word.rstrip("…"), word) for word in words]).module


def test_every_flag_of_the_synopsis_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    synopsis = (ROOT / "docs" / "command-line.md").read_text().split("```")[1]
    run = synopsis[: synopsis.index("edgebench plan")]
    with pytest.raises(SystemExit):
        parse(["run", "--help"])
    known = capsys.readouterr().out
    flags = set(re.findall(r"--[a-z-]+", run))
    assert len(flags) >= 9
    assert all(flag in known for flag in flags)


@pytest.mark.parametrize(("page", "text"), suites())
def test_every_documented_suite_is_valid(page: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    assert load(path).targets, page


def test_the_listing_commands_run(edgebench: Commander) -> None:
    for verb in ("drivers", "formats", "models", "schema", "doctor"):
        said = edgebench(verb)
        assert said.returncode in ({0, 1} if verb == "doctor" else {0}), said.stderr
        assert said.stdout.strip()
    assert "web-tfjs" in edgebench("drivers").stdout
    assert edgebench("--version").stdout.startswith("edgebench ")


def test_the_memory_page_shows_what_the_command_prints(edgebench: Commander) -> None:
    blocks = FENCE.findall((ROOT / "docs" / "memory.md").read_text())
    tensors, command, printed = (blocks[number][1] for number in range(3))
    (edgebench.folder / "tensors.csv").write_text(tensors)
    said = edgebench(*shlex.split(command)[1:])
    assert said.returncode == 0, said.stderr
    assert said.stdout == printed


def test_a_bug_of_ours_is_said_to_be_one(edgebench: Commander) -> None:
    broken = edgebench.folder / "sitecustomize.py"
    broken.write_text(
        "import harness.suite.load as module\n"
        "def explode(path):\n    raise ZeroDivisionError('oops')\n"
        "module.load = explode\n"
    )
    said = edgebench.within(PYTHONPATH=str(edgebench.folder))("plan", "x.yaml")
    assert said.returncode == 70
    assert "bug in edgebench" in said.stderr
    assert "ZeroDivisionError" in said.stderr


def test_every_documented_lab_is_valid(tmp_path: Path) -> None:
    blocks = [
        block
        for page in PAGES
        for language, block in FENCE.findall(page.read_text())
        if language == "yaml" and block.startswith(("socs:", "phones:"))
    ]
    assert blocks
    for block in blocks:
        path = tmp_path / "devices.yaml"
        path.write_text(block)
        assert lab.load(path).phones
