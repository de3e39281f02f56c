"""What a virtual device serves, asked by adbutils and by adb itself, not by our own door."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adb_parts import ends, gone, needed_adb

from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device

pytestmark = pytest.mark.adb


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualDeviceHandle]:
    with start_virtual_device(tmp_path_factory.mktemp("services"), adb=needed_adb()) as handle:
        yield handle


@pytest.fixture
def phone(handle: VirtualDeviceHandle) -> Any:  # adbutils has no types
    import adbutils

    return adbutils.AdbClient(port=handle.adb_port).device(handle.serial)


def adb(handle: VirtualDeviceHandle, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [needed_adb(), "-P", str(handle.adb_port), "-s", handle.serial, *words],
        capture_output=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [("true", 0), ("false", 1), ("exit 255", 255), ("no-such-program", 127), ("kill -9 $$", 137)],
)
def test_exit_codes_arrive(
    handle: VirtualDeviceHandle, phone: Any, command: str, code: int
) -> None:
    assert phone.shell2(command, v2=True, timeout=10).returncode == code
    assert adb(handle, "shell", command).returncode == code


def test_stdout_and_stderr_stay_apart(phone: Any) -> None:
    said = phone.shell2("echo out; echo err >&2", v2=True, timeout=10)
    assert (said.stdout, said.stderr) == ("out\n", "err\n")


def test_protocol_1_carries_both_together(phone: Any) -> None:
    assert phone.shell("echo out; echo err >&2; exit 3") == "out\nerr"


def test_exec_gives_raw_bytes(handle: VirtualDeviceHandle) -> None:
    every_byte = "".join(f"\\{byte:03o}" for byte in range(256))
    assert adb(handle, "exec-out", f"printf '{every_byte}'").stdout == bytes(range(256))


def test_a_shell_without_a_command_reads_its_commands_from_stdin(
    handle: VirtualDeviceHandle,
) -> None:
    said = subprocess.run(
        [needed_adb(), "-P", str(handle.adb_port), "-s", handle.serial, "shell"],
        input=b"echo $((6 * 7))\nexit 5\n",
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (said.stdout, said.returncode) == (b"42\n", 5)


def test_what_a_command_leaves_in_its_group_ends_with_its_stream(
    handle: VirtualDeviceHandle,
    phone: Any,
) -> None:
    stream = phone.open_transport()
    stream.send_command("shell,v2:sleep 300 & echo $$ $!; wait")
    stream.check_okay()
    header = stream.read_exact(5)
    said = stream.read_exact(int.from_bytes(header[1:], "little"))
    shell, child = map(int, said.split())
    assert os.getpgid(child) == shell
    stream.close()
    assert ends(lambda: gone(shell) and gone(child))


def test_a_stream_stays_open_while_a_child_holds_stdout_as_on_a_phone(phone: Any) -> None:
    said = phone.shell2("(sleep 0.3; echo late) & echo early", v2=True, timeout=10)
    assert said.stdout == "early\nlate\n"


def test_folders_go_both_ways(handle: VirtualDeviceHandle, tmp_path: Path) -> None:
    (tmp_path / "tree" / "empty").mkdir(parents=True)
    (tmp_path / "tree" / "a b").write_bytes(b"1")
    (tmp_path / "tree" / "empty" / "ü$(id)").write_bytes(b"")
    pushed = adb(handle, "push", str(tmp_path / "tree"), f"{handle.base}/new/tree")
    assert pushed.returncode == 0, pushed.stderr
    pulled = adb(handle, "pull", f"{handle.base}/new/tree", str(tmp_path / "back"))
    assert pulled.returncode == 0, pulled.stderr
    assert (tmp_path / "back" / "a b").read_bytes() == b"1"
    assert (tmp_path / "back" / "empty" / "ü$(id)").read_bytes() == b""


def test_stat_and_list_of_version_1_say_what_is_there(
    handle: VirtualDeviceHandle,
    phone: Any,
) -> None:
    phone.sync.push(b"12345", f"{handle.base}/v1/file", mode=0o640)
    found = phone.sync.stat(f"{handle.base}/v1/file")
    assert (found.size, stat.S_ISREG(found.mode)) == (5, True)
    assert found.mode & 0o777 == 0o666  # its group and others get what its owner has
    assert phone.sync.stat(f"{handle.base}/absent").mode == 0
    listed = {each.path: each.size for each in phone.sync.list(f"{handle.base}/v1")}
    assert listed["file"] == 5
    assert {".", ".."} < set(listed)
    assert phone.sync.list(f"{handle.base}/absent") == []


def test_version_2_tells_why_there_is_nothing(handle: VirtualDeviceHandle, tmp_path: Path) -> None:
    said = adb(handle, "pull", f"{handle.base}/absent", str(tmp_path))
    assert b"No such file" in said.stdout + said.stderr
    said = adb(handle, "pull", "/etc/passwd", str(tmp_path))
    assert b"Permission denied" in said.stdout + said.stderr
    assert b"DONE" not in adb(handle, "ls", handle.base).stdout


@pytest.mark.parametrize("path", ["/etc/edgebench-was-here", "/tmp/edgebench-was-here"])
def test_a_file_never_goes_outside_of_the_sandbox(
    handle: VirtualDeviceHandle,
    phone: Any,
    path: str,
) -> None:
    with pytest.raises(Exception, match="FAIL"):
        phone.sync.push(b"x", path)
    assert not Path(path).exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "{base}/link/passwd", "{base}/../../../../x"])
def test_a_file_outside_is_not_given_and_the_reason_is(
    handle: VirtualDeviceHandle,
    phone: Any,
    path: str,
) -> None:
    phone.shell(f"ln -sfn /etc {handle.base}/link")
    with pytest.raises(Exception, match="outside of this device's sandbox"):
        phone.sync.read_bytes(path.format(base=handle.base))
    assert len(phone.sync.list(path.format(base=handle.base))) == 0


def test_after_a_refused_file_the_same_stream_goes_on(
    handle: VirtualDeviceHandle,
    phone: Any,
) -> None:
    with phone.open_transport() as stream:
        stream.send_command("sync:")
        stream.check_okay()

        def send(word: bytes, text: bytes) -> None:
            stream.conn.sendall(word + len(text).to_bytes(4, "little") + text)

        send(b"SEND", b"/etc/edgebench-was-here,33188")
        send(b"DATA", b"content")
        stream.conn.sendall(b"DONE" + bytes(4))
        assert stream.read_exact(4) == b"FAIL"
        stream.read_exact(int.from_bytes(stream.read_exact(4), "little"))
        send(b"STAT", handle.base.encode())
        assert stream.read_exact(4) == b"STAT"


def test_a_push_that_breaks_off_leaves_no_half_file(
    handle: VirtualDeviceHandle, phone: Any
) -> None:
    name = f"{handle.base}/half"
    stream = phone.open_transport()
    stream.send_command("sync:")
    stream.check_okay()
    request = f"{name},33188".encode()
    stream.conn.sendall(b"SEND" + len(request).to_bytes(4, "little") + request)
    stream.conn.sendall(b"DATA" + (7).to_bytes(4, "little") + b"content")
    assert ends(Path(name).exists)
    stream.close()
    assert ends(lambda: not Path(name).exists())


def test_a_push_over_a_link_replaces_the_link(
    handle: VirtualDeviceHandle,
    phone: Any,
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    phone.shell(f"ln -s {outside} {handle.base}/file-link")
    phone.sync._push_file(b"theirs", f"{handle.base}/file-link")
    assert outside.read_bytes() == b"mine"
    assert phone.sync.read_bytes(f"{handle.base}/file-link") == b"theirs"


def test_what_is_not_served_is_refused_at_once(handle: VirtualDeviceHandle, phone: Any) -> None:
    import adbutils

    reverse = adb(handle, "reverse", "jdwp:1", "tcp:2")
    assert b"unknown socket specification" in reverse.stderr
    for service in ("tcp:1", "localabstract:x", "jdwp:1", "abb:x", "root:"):
        with phone.open_transport() as stream:
            stream.send_command(service)
            with pytest.raises(adbutils.AdbError):
                stream.check_okay()
    assert phone.shell("echo still here") == "still here"


def test_many_streams_share_the_connection(handle: VirtualDeviceHandle) -> None:
    command = [str(needed_adb()), "-P", str(handle.adb_port), "-s", handle.serial, "shell"]
    with_output = "i=0; while [ $i -lt 300 ]; do echo $i-{}; i=$((i+1)); done"
    running = [
        subprocess.Popen([*command, with_output.format(each)], stdout=subprocess.PIPE)
        for each in range(8)
    ]
    for each, process in enumerate(running):
        said, _ = process.communicate(timeout=60)
        assert said.decode().split() == [f"{number}-{each}" for number in range(300)]
        assert process.returncode == 0
