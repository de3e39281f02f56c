"""An adb server that misbehaves in every way that was seen: no call hangs, none pretends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from harness.errors import HarnessError, RunTimedOut, TargetLost, TargetNotFound, TargetUnfit
from harness.transports.adb import (
    AdbDevice,
    AdbServer,
    ShellInterrupted,
    ShellTimedOut,
    devices,
    user_server,
)
from harness.transports.adb.server import ensure_running

Script = Callable[[socket.socket], None]


@contextmanager
def server(script: Script) -> Iterator[AdbServer]:
    """A made-up adb server that does the same with every connection, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    script(connection)
                except (OSError, ValueError):
                    continue  # the client went away

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield AdbServer(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def request(connection: socket.socket) -> bytes:
    return connection.recv(int(connection.recv(4), 16))


def shell_then(*replies: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        for _ in range(2):
            request(connection)
            connection.sendall(b"OKAY")
        for reply in replies:
            connection.sendall(reply)

    return script


def block(text: bytes) -> bytes:
    return b"%04x" % len(text) + text


def run(script: Script, timeout_s: float = 5) -> HarnessError:
    with server(script) as where, pytest.raises(HarnessError) as caught:
        AdbDevice("S1", where).shell("true", timeout_s=timeout_s)
    return caught.value


def test_output_that_is_cut_is_a_lost_device_never_a_success() -> None:
    error = run(shell_then(b"\x01\x05\x00\x00\x00half"))
    assert isinstance(error, TargetLost)
    assert error.where == "S1"


def test_whole_output_without_an_exit_code_is_a_lost_device() -> None:
    assert isinstance(run(shell_then(b"\x01\x04\x00\x00\x00done")), TargetLost)


def test_an_exit_packet_without_a_code_is_not_an_exit() -> None:
    assert isinstance(run(shell_then(b"\x03\x00\x00\x00\x00")), TargetLost)


@pytest.mark.parametrize("said", [b"", b"closed", b"device 'S1' not found", b"device offline"])
def test_a_refusal_by_the_server_is_a_lost_device(said: bytes) -> None:
    def script(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"FAIL" + block(said))

    assert isinstance(run(script), TargetLost)


def test_a_server_that_hangs_up_at_once_is_a_lost_device() -> None:
    assert isinstance(run(lambda connection: None), TargetLost)


def test_damage_in_the_shell_stream_is_a_lost_device() -> None:
    assert isinstance(run(shell_then(b"\x01\xff\xff\xff\xff")), TargetLost)


def test_a_server_that_never_answers_does_not_outlive_the_deadline() -> None:
    error = run(lambda connection: time.sleep(1), timeout_s=0.3)
    assert isinstance(error, RunTimedOut)


def test_output_that_dribbles_does_not_outlive_the_deadline() -> None:
    def script(connection: socket.socket) -> None:
        shell_then()(connection)
        connection.settimeout(5)
        for _ in range(200):
            connection.sendall(b"\x01\x01\x00\x00\x00.")
            time.sleep(0.02)

    error = run(script, timeout_s=0.5)
    assert isinstance(error, ShellTimedOut)
    assert error.stdout.startswith(b"...")
    assert len(error.stdout) < 150


def test_no_server_is_a_lost_device_and_none_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("started something"))
    with pytest.raises(TargetLost):
        AdbDevice("S1", AdbServer(port)).shell("true", timeout_s=5)


def test_something_else_on_the_port_is_not_taken_for_an_adb_server() -> None:
    def script(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with server(script) as where, pytest.raises(TargetNotFound) as caught:
        devices(where)
    assert "does not answer" in str(caught.value)


def test_a_device_too_old_for_shell_protocol_2_is_refused() -> None:
    def script(connection: socket.socket) -> None:
        asked = request(connection)
        answer = b"device" if b"get-state" in asked else b"cmd,stat_v2"
        connection.sendall(b"OKAY" + block(answer))

    with server(script) as where, pytest.raises(TargetUnfit) as caught:
        AdbDevice.attach("S1", where)
    assert "Android 7" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        # Words of adb 36's `transport.cpp` and `transport_usb.cpp`; what udev forbids is a state
        # of the server, which no device can cause.
        (b"insufficient permissions for device: user in plugdev group", "no-permissions"),
        (b"no permissions (missing udev rules?)", "no-permissions"),
        (b"device offline", "offline"),
    ],
)
def test_a_state_that_the_server_names_is_the_class(said: bytes, kind: str) -> None:
    def script(connection: socket.socket) -> None:
        request(connection)
        connection.sendall(b"FAIL" + block(said))

    with server(script) as where, pytest.raises(TargetUnfit) as caught:
        AdbDevice.attach("S1", where)
    assert caught.value.kind == kind
    assert caught.value.hint


def test_a_running_server_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("started something"))
    with server(lambda connection: None) as where:
        ensure_running(where)


def test_an_interrupt_between_two_calls_ends_the_next_one_only() -> None:
    with server(shell_then(b"\x03\x01\x00\x00\x00\x00")) as where:
        device = AdbDevice("S1", where)
        device.interrupt()
        with pytest.raises(ShellInterrupted) as caught:
            device.shell("true", timeout_s=5)
        assert caught.value.kind == "killed"
        assert device.shell("true", timeout_s=5).exit_code == 0


def test_an_interrupt_does_not_touch_cleaning_up() -> None:
    with server(shell_then(b"\x03\x01\x00\x00\x00\x00")) as where:
        device = AdbDevice("S1", where)
        device.interrupt()
        assert device.kill_group("/data/local/tmp/run/pgid")
        device.remove_tree("/data/local/tmp/run")


@pytest.mark.parametrize("path", ["", "/", "data/local/tmp/x", "/data", "/data/local", "/a/b/../c"])
def test_removing_something_near_the_root_is_refused_before_anything_is_sent(path: str) -> None:
    with pytest.raises(ValueError, match="not removing"):
        AdbDevice("S1", AdbServer(1)).remove_tree(path)


@pytest.mark.parametrize("command", ["a\0b", "x" * 70_000])
def test_a_command_that_adb_cannot_carry_is_our_bug(command: str) -> None:
    with server(shell_then()) as where, pytest.raises(ValueError, match="cannot carry"):
        AdbDevice("S1", where).shell(command, timeout_s=5)


def test_the_port_of_the_users_server_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "5038")
    assert user_server() == AdbServer(5038)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "phone")
    with pytest.raises(TargetNotFound, match="phone"):
        user_server()
    monkeypatch.delenv("ANDROID_ADB_SERVER_PORT")
    assert user_server().port == 5037
