"""The adb door against the real adb server, with a virtual device behind it."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from adb_parts import device_in_this_process, ends, gone, needed_adb

from harness.errors import OutputUnreadable, RunTimedOut, TargetLost, TargetNotFound, TargetUnfit
from harness.transports.adb import (
    AdbDevice,
    AdbServer,
    ShellInterrupted,
    ShellOverflowed,
    ShellTimedOut,
    ensure_running,
    pick,
)
from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device
from harness.virtual_device import daemon, sync_service

pytestmark = pytest.mark.adb

ODD_NAMES = ["plain", "two words", "it's", 'say "hi"', "größe-模型", "$(touch hacked)", "`id`", "a\\b"]  # fmt: skip


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualDeviceHandle]:
    with start_virtual_device(tmp_path_factory.mktemp("device"), adb=needed_adb()) as handle:
        yield handle


@pytest.fixture
def device(handle: VirtualDeviceHandle) -> AdbDevice:
    return AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))


@pytest.fixture
def folder(handle: VirtualDeviceHandle, request: pytest.FixtureRequest) -> str:
    return f"{handle.base}/{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def local(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "local"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("exit 0", 0),
        ("exit 1", 1),
        ("no-such-program", 127),
        ("kill -9 $$", 137),
        ("exit 255", 255),
    ],
)
def test_exit_codes_are_those_of_the_command(device: AdbDevice, command: str, code: int) -> None:
    assert device.shell(command, timeout_s=10).exit_code == code


def test_stdout_and_stderr_are_kept_apart_byte_for_byte(device: AdbDevice) -> None:
    ended = device.shell(r"printf 'o\000\377\r\n'; printf 'e\001' >&2", timeout_s=10)
    assert (ended.stdout, ended.stderr, ended.exit_code) == (b"o\0\xff\r\n", b"e\1", 0)


def test_large_output_arrives_whole(device: AdbDevice) -> None:
    ended = device.shell("yes 0123456789abcde | head -c 5000000", timeout_s=60)
    assert ended.stdout == (b"0123456789abcde\n" * 312_500)


def test_stdin_is_fed_while_output_comes(device: AdbDevice) -> None:
    content = os.urandom(3_000_000)
    assert device.shell("cat", timeout_s=60, stdin=content).stdout == content


def test_without_stdin_a_command_that_reads_sees_its_end(device: AdbDevice) -> None:
    assert device.shell("cat; echo read all", timeout_s=10).stdout == b"read all\n"


def test_a_command_that_does_not_read_its_stdin_ends_all_the_same(device: AdbDevice) -> None:
    assert device.shell("exit 4", timeout_s=30, stdin=bytes(2_000_000)).exit_code == 4


def test_arguments_in_a_sequence_are_never_read_by_a_shell(device: AdbDevice) -> None:
    ended = device.shell(["printf", "%s\n", *ODD_NAMES, "", "*"], timeout_s=10)
    assert ended.stdout.decode().split("\n") == [*ODD_NAMES, "", "*", ""]


def test_a_deadline_holds_though_output_dribbles_and_what_came_is_kept(device: AdbDevice) -> None:
    with pytest.raises(ShellTimedOut) as caught:
        device.shell("while :; do echo tick; sleep 0.05; done", timeout_s=0.6)
    assert caught.value.kind == "adb-timed-out"
    assert caught.value.stdout.startswith(b"tick\n")


def test_a_background_child_that_holds_stdout_does_not_outlive_the_deadline(
    device: AdbDevice,
) -> None:
    with pytest.raises(ShellTimedOut) as caught:
        device.shell("sleep 300 & echo started", timeout_s=0.5)
    assert caught.value.stdout == b"started\n"


# As a wrapper on a phone does: the tool in a session of its own, its group's number in a file.
WRAPPED = "mkdir -p {0}; setsid sh -c 'echo $$ > {0}/pgid; echo $$; sleep 300 & wait' & wait"


def test_at_the_deadline_the_process_group_on_the_device_is_killed(
    device: AdbDevice, folder: str
) -> None:
    with pytest.raises(RunTimedOut) as caught:
        device.shell(WRAPPED.format(folder), timeout_s=1, pgid_file=f"{folder}/pgid")
    assert isinstance(caught.value, ShellTimedOut)
    group = int(caught.value.stdout)
    assert ends(lambda: no_group(group))


def no_group(group: int) -> bool:
    """Tell whether nothing of a process group runs."""
    return all(
        gone(int(stat.parent.name))
        for stat in Path("/proc").glob("[0-9]*/stat")
        if group_of(stat) == group
    )


def group_of(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[2])
    except OSError:
        return None


def test_without_that_the_tool_would_go_on_as_it_does_on_a_phone(
    device: AdbDevice, folder: str
) -> None:
    with pytest.raises(RunTimedOut) as caught:
        device.shell(WRAPPED.format(folder), timeout_s=1)
    assert isinstance(caught.value, ShellTimedOut)
    group = int(caught.value.stdout)
    assert not no_group(group)
    assert device.kill_group(f"{folder}/pgid")
    assert ends(lambda: no_group(group))
    assert not device.kill_group(f"{folder}/pgid")


@pytest.mark.parametrize("content", ["", "0", "1", "abc", "-5", "12 34"])
def test_a_file_that_names_no_group_kills_nothing(
    device: AdbDevice, folder: str, content: str
) -> None:
    device.shell(f"mkdir -p {folder}; printf '{content}' > {folder}/pgid", timeout_s=10)
    assert not device.kill_group(f"{folder}/pgid")


@pytest.mark.parametrize("shell", ["mksh", "sh"])
def test_killing_works_in_androids_shell(device: AdbDevice, folder: str, shell: str) -> None:
    from harness.transports.adb import device as module

    if device.shell(f"command -v {shell}", timeout_s=10).exit_code:
        if os.environ.get("CI") == "true":
            pytest.fail(f"there is no {shell}")
        pytest.skip(f"there is no {shell}: apt install {shell}")
    device.shell(f"mkdir -p {folder}", timeout_s=10)
    started = device.shell(
        f"setsid sh -c 'echo $$ | tee {folder}/pgid; exec sleep 300 < /dev/null > /dev/null 2>&1' &",
        timeout_s=10,
    )
    group = int(started.stdout)
    assert not no_group(group)
    script = module._KILL_GROUP.format(file=f"{folder}/pgid")
    assert device.shell([shell, "-c", script], timeout_s=10).exit_code == 0
    assert ends(lambda: no_group(group))


def test_an_interrupt_from_another_thread_ends_the_call_and_its_group(
    device: AdbDevice, folder: str
) -> None:
    thread = threading.Timer(0.5, device.interrupt)
    thread.start()
    with pytest.raises(ShellInterrupted) as caught:
        device.shell(WRAPPED.format(folder), timeout_s=60, pgid_file=f"{folder}/pgid")
    thread.join()
    assert caught.value.kind == "killed"
    group = int(caught.value.stdout)
    assert ends(lambda: no_group(group))
    assert device.shell("echo next", timeout_s=10).stdout == b"next\n"


def test_output_without_end_is_cut_and_its_beginning_kept(device: AdbDevice) -> None:
    with pytest.raises(ShellOverflowed) as caught:
        device.shell("yes", timeout_s=60, limit_bytes=100_000)
    assert isinstance(caught.value, OutputUnreadable)
    assert caught.value.stdout == b"y\n" * 50_000


@pytest.mark.parametrize("content", [b"", b"1", os.urandom(10_000_000)], ids=["0", "1", "10M"])
def test_a_file_comes_back_as_it_went(
    device: AdbDevice, folder: str, tmp_path: Path, content: bytes
) -> None:
    remote = f"{folder}/deep/er/file"
    path = local(tmp_path, content)
    assert device.push(path, remote, sha256=sha256(content), timeout_s=60) is True
    assert device.pull_bytes(remote, timeout_s=60) == content
    assert device.sha256(remote) == sha256(content)
    assert device.shell(f"ls -A {folder}/deep/er", timeout_s=10).stdout == b"file\n"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_only_names(
    device: AdbDevice, folder: str, tmp_path: Path, name: str
) -> None:
    path = local(tmp_path, b"content")
    assert device.push(path, f"{folder}/{name}", sha256=sha256(b"content"), timeout_s=30)
    assert device.pull_bytes(f"{folder}/{name}", timeout_s=30) == b"content"
    assert device.shell(["ls", "-1", folder], timeout_s=10).stdout.decode() == f"{name}\n"
    device.remove_tree(f"{folder}/{name}")
    assert device.shell(["ls", "-A", folder], timeout_s=10).stdout == b""


def test_a_push_is_skipped_only_if_the_devices_own_hash_matches(
    device: AdbDevice, folder: str, tmp_path: Path
) -> None:
    remote, path = f"{folder}/model", local(tmp_path, b"model-1")
    assert device.push(path, remote, sha256=sha256(b"model-1"), mode=0o755, timeout_s=30) is True
    assert device.push(path, remote, sha256=sha256(b"model-1"), mode=0o644, timeout_s=30) is False
    assert device.shell(["stat", "-c", "%a", remote], timeout_s=10).stdout == b"644\n"
    # The same name, size and time, but not the same bytes.
    device.shell(f"touch -r {remote} {folder}/t; printf model-2 > {remote}", timeout_s=10)
    device.shell(f"touch -r {folder}/t {remote}", timeout_s=10)
    assert device.push(path, remote, sha256=sha256(b"model-1"), timeout_s=30) is True
    assert device.pull_bytes(remote, timeout_s=30) == b"model-1"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_pushed_file_has_the_mode_that_was_asked_for(
    device: AdbDevice, folder: str, tmp_path: Path, mode: int
) -> None:
    path = local(tmp_path, b"x")
    device.push(path, f"{folder}/x", sha256=sha256(b"x"), mode=mode, timeout_s=30)
    said = device.shell(["stat", "-c", "%a", f"{folder}/x"], timeout_s=10).stdout
    assert int(said, 8) == mode


def test_a_file_that_is_not_what_was_promised_never_gets_its_name(
    device: AdbDevice, folder: str, tmp_path: Path
) -> None:
    with pytest.raises(TargetUnfit) as caught:
        device.push(local(tmp_path, b"x"), f"{folder}/x", sha256=sha256(b"y"), timeout_s=30)
    assert caught.value.kind == "push-failed"
    assert sha256(b"x") in str(caught.value)
    assert device.shell(["ls", "-A", folder], timeout_s=10).stdout == b""


def test_a_push_onto_a_folder_is_refused_and_leaves_nothing_in_it(
    device: AdbDevice, folder: str, tmp_path: Path
) -> None:
    device.shell(["mkdir", "-p", f"{folder}/x"], timeout_s=10)
    with pytest.raises(TargetUnfit, match="Is a directory"):
        device.push(local(tmp_path, b"x"), f"{folder}/x", sha256=sha256(b"x"), timeout_s=30)
    assert device.shell(["ls", "-AR", folder], timeout_s=10).stdout.decode() == (
        f"{folder}:\nx\n\n{folder}/x:\n"
    )


def test_a_push_out_of_the_sandbox_is_refused_with_the_devices_words(
    device: AdbDevice, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    with pytest.raises(TargetUnfit, match="outside of this device's sandbox") as caught:
        device.push(local(tmp_path, b"x"), str(outside), sha256=sha256(b"x"), timeout_s=30)
    assert caught.value.kind == "push-failed"
    assert not outside.exists()


def test_a_device_without_space_says_so_and_keeps_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(300_000)
    written: list[int] = []

    def write(target: int, piece: bytes) -> None:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(os.write(target, piece))

    with device_in_this_process(tmp_path / "made") as (device, made):
        monkeypatch.setattr(sync_service, "_write", write)
        path = local(tmp_path, content)
        with pytest.raises(TargetUnfit, match="No space left") as caught:
            device.push(path, f"{made.base}/x", sha256=sha256(content), timeout_s=30)
        assert caught.value.kind == "no-space"
        assert written
        assert list(made.base.iterdir()) == []


def test_a_device_without_shell_protocol_2_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_FEATURES", ("cmd", "stat_v2"))
    with (
        device_in_this_process(tmp_path / "made") as (device, _),
        pytest.raises(TargetUnfit, match="shell protocol 2"),
    ):
        AdbDevice.attach(device.serial, device._link.server)


def test_a_file_that_is_not_there_is_unreadable_output(device: AdbDevice, folder: str) -> None:
    with pytest.raises(OutputUnreadable, match="No such file"):
        device.pull_bytes(f"{folder}/absent", timeout_s=10)
    assert device.sha256(f"{folder}/absent") is None


def test_a_file_larger_than_the_limit_is_refused(device: AdbDevice, folder: str) -> None:
    device.shell(f"mkdir -p {folder}; head -c 200000 /dev/zero > {folder}/big", timeout_s=10)
    with pytest.raises(OutputUnreadable, match="larger than 100000"):
        device.pull_bytes(f"{folder}/big", timeout_s=10, limit_bytes=100_000)
    assert len(device.pull_bytes(f"{folder}/big", timeout_s=10, limit_bytes=200_000)) == 200_000


def test_a_tree_is_removed_and_an_absent_one_is_no_error(device: AdbDevice, folder: str) -> None:
    device.shell(f"mkdir -p {folder}/a/b; touch {folder}/a/b/c", timeout_s=10)
    device.remove_tree(folder)
    assert device.shell(["ls", folder], timeout_s=10).exit_code != 0
    device.remove_tree(folder)


def test_auto_is_the_one_device_and_a_serial_is_checked(handle: VirtualDeviceHandle) -> None:
    server = AdbServer(handle.adb_port)
    assert pick("auto", server) == handle.serial
    assert pick(handle.serial, server) == handle.serial
    with pytest.raises(TargetNotFound, match="S9"):
        pick("S9", server)
    with pytest.raises(TargetNotFound, match="S9"):
        AdbDevice.attach("S9", server)


@pytest.mark.parametrize("part", ["device_pid", "server_pid"])
def test_a_cable_pulled_in_mid_run_is_a_lost_target(tmp_path: Path, part: str) -> None:
    with start_virtual_device(tmp_path, adb=needed_adb()) as handle:
        device = AdbDevice.attach(handle.serial, AdbServer(handle.adb_port))
        cut = threading.Timer(0.4, os.kill, (getattr(handle, part), signal.SIGKILL))
        cut.start()
        with pytest.raises(TargetLost) as caught:
            device.shell("echo begun; sleep 300", timeout_s=60)
        cut.join()
        assert caught.value.where == handle.serial
        with pytest.raises(TargetLost):
            device.shell("true", timeout_s=10)


def test_a_server_is_started_where_none_runs_and_used_where_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.virtual_device import private_server

    with private_server.listen() as free:
        port = free.getsockname()[1]
    for name, value in {
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "ANDROID_ADB_SERVER_PORT": str(port),
        "ADB_USB": "0",
        "ADB_MDNS": "0",
        "ADB_EMU": "0",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        with pytest.raises(TargetNotFound, match="no phone is attached"):
            pick("auto")
        monkeypatch.setenv("ADBUTILS_ADB_PATH", "/absent")
        ensure_running(AdbServer(port))
    finally:
        monkeypatch.delenv("ADBUTILS_ADB_PATH", raising=False)
        # The only server that a test may end is the one that it made.
        subprocess.run([needed_adb(), "-P", str(port), "kill-server"], check=False, timeout=30)
