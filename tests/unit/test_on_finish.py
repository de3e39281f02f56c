"""`on_finish:` gets the digest of every session that has ended, and cannot change what it was."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
import report_folders as made
import suite_fakes

from harness import store
from harness.cli.finish import concluded, finish
from harness.errors import StoreError
from harness.suite.finding import SuiteMistakes
from harness.suite.load import parse
from harness.suite.values import OnFinish, Suite

DOCUMENT = Path(__file__).parents[2] / "docs" / "nightly.md"
SUITE = """\
suite: night
models: {net: {generate: mobilenet_v2}}
targets: {page: {driver: web-tfjs, variants: {simd: {wasm: simd}}}}
"""
KEEPS_IT = """\
import json, os, sys
said = {name: value for name, value in os.environ.items() if name.startswith("EDGEBENCH_")}
with open(said["EDGEBENCH_DIGEST"], "rb") as file:
    same = file.read() == sys.stdin.buffer.read()
json.dump({**said, "same": same, "words": sys.argv[1:]}, open("kept.json", "w"))
print("to the conversation")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """A suite in a folder of its own."""
    (tmp_path / "keeps.py").write_text(KEEPS_IT)
    return parse(SUITE, tmp_path / "night.yaml", plugins=suite_fakes.plugins)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """The folder of a session in which one run failed."""
    folder = made.realistic()
    path = tmp_path / "session"
    with store.create(path, folder.session, SUITE) as writer:
        for run in folder.runs:
            writer.append(run)
    return path


def running(suite: Suite, *command: str, timeout_s: float = 60.0) -> Suite:
    return replace(suite, on_finish=OnFinish(command, timeout_s))


def test_the_command_gets_the_digest_on_stdin_and_in_a_file(
    suite: Suite, session: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    finish(running(suite, sys.executable, "keeps.py", "$HOME; *"), session, 1)
    told = json.loads((suite.path.parent / "kept.json").read_text())
    assert told["same"] is True
    assert told["words"] == ["$HOME; *"]
    assert told["EDGEBENCH_SUITE"] == "night"
    assert told["EDGEBENCH_FOLDER"] == str(session)
    assert told["EDGEBENCH_EXIT_CODE"] == "1"
    assert not Path(told["EDGEBENCH_DIGEST"]).exists()
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == "to the conversation\n"


def test_the_digest_is_the_one_of_the_verb(suite: Suite, session: Path) -> None:
    keeps = "import shutil, os; shutil.copy(os.environ['EDGEBENCH_DIGEST'], 'digest.json')"
    finish(running(suite, sys.executable, "-c", keeps), session, 0)
    digest = json.loads((suite.path.parent / "digest.json").read_text())
    assert digest["format"] == "edgebench-digest"
    [told] = digest["sessions"]
    assert told["folder"] == str(session)
    assert told["red"]


def test_the_script_of_the_documentation_posts_what_is_red(
    suite: Suite,
    session: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    [script] = re.findall(
        r"^```python\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    (suite.path.parent / "tell.py").write_text(script)
    posted: list[bytes] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Chat) as chat:
        chat.timeout = 60
        monkeypatch.setenv("CHAT_HOOK", f"http://127.0.0.1:{chat.server_port}/")
        answering = threading.Thread(target=chat.handle_request)
        answering.start()
        finish(running(suite, sys.executable, "tell.py"), session, 1)
        answering.join()
    assert capfd.readouterr().err == ""
    assert json.loads(posted[0])["text"].startswith("night: ")
    assert "raise timeout_s" in json.loads(posted[0])["text"]


def test_a_suite_without_it_runs_nothing(suite: Suite, tmp_path: Path) -> None:
    finish(suite, tmp_path / "no such folder", 0)


def test_a_session_that_cannot_be_read_is_told_of_as_such(suite: Suite, tmp_path: Path) -> None:
    keeps = "import shutil, os; shutil.copy(os.environ['EDGEBENCH_DIGEST'], 'digest.json')"
    finish(running(suite, sys.executable, "-c", keeps), tmp_path / "nowhere", 4)
    digest = json.loads((suite.path.parent / "digest.json").read_text())
    assert digest["sessions"] == []
    assert "not a result folder" in digest["unreadable"][0]["why"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with exit code 3"),
        ((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), "was ended by signal 9"),
        (("./no-such-program",), "could not be started"),
        (("a\0b",), "could not be started"),
        ((sys.executable, "-c", "pass"), ""),
    ],
)
def test_its_failure_is_told_with_a_next_step_and_goes_no_further(
    suite: Suite,
    session: Path,
    capfd: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    said: str,
) -> None:
    before = (session / "runs.jsonl").read_bytes()
    assert concluded(running(suite, *command), session, lambda: 0) == 0
    error = capfd.readouterr().err
    assert said in error
    assert ("next step: " in error) == bool(said)
    assert (session / "runs.jsonl").read_bytes() == before
    assert sorted(path.name for path in session.iterdir()) == [
        "raw",
        "runs.jsonl",
        "session.json",
        "suite.yaml",
    ]


STUBBORN = """\
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child", "w").write(str(child.pid))
time.sleep(600)
"""


def test_what_takes_too_long_is_ended_with_all_that_it_started(
    suite: Suite,
    session: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.cli.finish._ENDS_WITHIN_S", 0.2)
    finish(running(suite, sys.executable, "-c", STUBBORN, timeout_s=1.5), session, 0)
    assert "did not end within 1.5 s and was ended" in capfd.readouterr().err
    child = int((suite.path.parent / "child").read_text())
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.02)


def test_an_error_of_the_session_is_told_by_its_exit_code_and_raised(
    suite: Suite, session: Path
) -> None:
    def fails() -> int:
        raise StoreError("the disk is full", hint="free some space")

    with pytest.raises(StoreError, match="full"):
        concluded(running(suite, sys.executable, "keeps.py"), session, fails)
    told = json.loads((suite.path.parent / "kept.json").read_text())
    assert told["EDGEBENCH_EXIT_CODE"] == "4"


@pytest.mark.parametrize(
    ("written", "command", "timeout_s"),
    [
        ("[./tell.sh, night]", ("./tell.sh", "night"), 60.0),
        ("{command: [mail], timeout_s: 2 min}", ("mail",), 120.0),
        ("{command: [mail], timeout_s: 5}", ("mail",), 5.0),
    ],
)
def test_a_list_is_short_for_its_command(
    written: str, command: tuple[str, ...], timeout_s: float
) -> None:
    text = f"{SUITE}on_finish: {written}\n"
    read = parse(text, Path("/suites/s.yaml"), plugins=suite_fakes.plugins)
    assert read.on_finish == OnFinish(command, timeout_s)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("./tell.sh night", "expected a list of words"),
        ("[]", "on_finish"),
        ("['']", "on_finish"),
        ("{command: [mail], timeout_s: 0}", "timeout_s"),
        ("{command: [mail], timeout_s: 2 h}", "timeout_s"),
        ("{comand: [mail]}", "did you mean 'command'"),
        ("", "expected a value"),
    ],
)
def test_what_is_no_command_is_told_where_it_stands(written: str, said: str) -> None:
    text = f"{SUITE}on_finish: {written}\n"
    with pytest.raises(SuiteMistakes, match=r"s\.yaml:4") as caught:
        parse(text, Path("/suites/s.yaml"), plugins=suite_fakes.plugins)
    assert said in str(caught.value) + " ".join(f"{finding}" for finding in caught.value.findings)
