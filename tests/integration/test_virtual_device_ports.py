"""Forwards and reverses of a virtual device, made by the real adb and its real server."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from adb_parts import ends, needed_adb

from harness.transports.virtual_device_process import VirtualDeviceHandle, start_virtual_device

pytestmark = pytest.mark.adb


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualDeviceHandle]:
    with start_virtual_device(tmp_path_factory.mktemp("ports"), adb=needed_adb()) as handle:
        yield handle


@pytest.fixture(autouse=True)
def nothing_left(handle: VirtualDeviceHandle) -> Iterator[None]:
    yield
    adb(handle, "reverse", "--remove-all")
    adb(handle, "forward", "--remove-all")


def adb(handle: VirtualDeviceHandle, *words: str) -> tuple[str, str]:
    ended = subprocess.run(
        [needed_adb(), "-P", str(handle.adb_port), "-s", handle.serial, *words],
        capture_output=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    return ended.stdout.strip(), ended.stderr.strip()


def prefix(handle: VirtualDeviceHandle) -> str:
    said, _ = adb(handle, "shell", "echo $EDGEBENCH_SOCKETS")
    return said


@contextmanager
def answering(listening: socket.socket, answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """Answer each connection's line once, then hang up right behind the answer."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                connection.sendall(answer(lines.readline()))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()


def ask(port: int | str, line: bytes) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", int(port)), 20)) as link:
        link.sendall(line)
        with link.makefile("rb") as answer:
            return answer.read()


def abstract(handle: VirtualDeviceHandle, name: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"\0{prefix(handle)}{name}")
    listening.listen()
    return listening


def test_a_forward_reaches_an_abstract_socket_of_the_device(handle: VirtualDeviceHandle) -> None:
    with answering(abstract(handle, "echo"), bytes.upper):
        port, _ = adb(handle, "forward", "tcp:0", "localabstract:echo")
        assert ask(port, b"hello\n") == b"HELLO\n"
        assert ask(port, b"again\n") == b"AGAIN\n"


def test_where_nobody_listens_on_the_device_a_forward_hangs_up(handle: VirtualDeviceHandle) -> None:
    port, _ = adb(handle, "forward", "tcp:0", "localabstract:nobody")
    assert ask(port, b"hello\n") == b""


def test_two_devices_may_have_sockets_of_one_name(
    handle: VirtualDeviceHandle, tmp_path: Path
) -> None:
    with (
        start_virtual_device(tmp_path, adb=needed_adb()) as other,
        answering(abstract(handle, "name"), lambda _: b"one"),
        answering(abstract(other, "name"), lambda _: b"other"),
    ):
        ports = [adb(each, "forward", "tcp:0", "localabstract:name")[0] for each in (handle, other)]
        assert [ask(port, b"\n") for port in ports] == [b"one", b"other"]


def test_a_reverse_reaches_a_port_of_this_host_with_every_byte(handle: VirtualDeviceHandle) -> None:
    sent = os.urandom(3_000_000)
    listening = socket.create_server(("127.0.0.1", 0))
    # It closes right behind the last byte: nothing of it may be lost.
    with answering(listening, lambda _: sent):
        port, _ = adb(handle, "reverse", "tcp:0", f"tcp:{listening.getsockname()[1]}")
        got = ask(port, b"all\n")
    assert sha256(got).digest() == sha256(sent).digest()


def test_a_reverse_may_listen_on_an_abstract_socket(handle: VirtualDeviceHandle) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with answering(listening, bytes.upper):
        adb(handle, "reverse", "localabstract:in", f"tcp:{listening.getsockname()[1]}")
        with closing(socket.socket(socket.AF_UNIX)) as link:
            link.connect(f"\0{prefix(handle)}in")
            link.sendall(b"hello\n")
            assert link.makefile("rb").read() == b"HELLO\n"


def test_many_connections_go_through_one_reverse_at_once(handle: VirtualDeviceHandle) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    answers: dict[int, bytes] = {}
    with answering(listening, lambda line: line * 1000):
        port, _ = adb(handle, "reverse", "tcp:0", f"tcp:{listening.getsockname()[1]}")

        def one(number: int) -> None:
            answers[number] = ask(port, b"%d\n" % number)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {number: b"%d\n" % number * 1000 for number in range(20)}


def test_reverses_are_listed_and_removed_one_by_one_and_all(handle: VirtualDeviceHandle) -> None:
    first, _ = adb(handle, "reverse", "tcp:0", "tcp:1")
    second, _ = adb(handle, "reverse", "tcp:0", "tcp:2")
    listed, _ = adb(handle, "reverse", "--list")
    assert [line.split()[1:] for line in listed.splitlines()] == [
        [f"tcp:{first}", "tcp:1"],
        [f"tcp:{second}", "tcp:2"],
    ]
    adb(handle, "reverse", "--remove", f"tcp:{first}")
    assert [line.split()[1] for line in adb(handle, "reverse", "--list")[0].splitlines()] == [
        f"tcp:{second}"
    ]
    adb(handle, "reverse", "--remove-all")
    assert adb(handle, "reverse", "--list")[0] == ""
    for port in (first, second):
        with pytest.raises(ConnectionError):
            ask(port, b"\n")


def test_a_port_is_led_elsewhere_unless_that_is_forbidden(handle: VirtualDeviceHandle) -> None:
    port, _ = adb(handle, "reverse", "tcp:0", "tcp:1")
    adb(handle, "reverse", f"tcp:{port}", "tcp:2")
    assert adb(handle, "reverse", "--list")[0].split()[1:] == [f"tcp:{port}", "tcp:2"]
    refused = adb(handle, "reverse", "--no-rebind", f"tcp:{port}", "tcp:3")[1]
    assert "cannot rebind existing socket" in refused
    assert adb(handle, "reverse", "--list")[0].split()[1:] == [f"tcp:{port}", "tcp:2"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--remove", "tcp:1"), "listener 'tcp:1' not found"),
        (("jdwp:1", "tcp:2"), "unknown socket specification"),
        (("tcp:99999", "tcp:2"), "unknown socket specification"),
    ],
)
def test_what_cannot_be_reversed_is_refused_with_words(
    handle: VirtualDeviceHandle, words: tuple[str, ...], reason: str
) -> None:
    assert reason in adb(handle, "reverse", *words)[1]


def test_a_port_that_is_taken_is_refused(handle: VirtualDeviceHandle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = adb(handle, "reverse", f"tcp:{taken.getsockname()[1]}", "tcp:2")[1]
    assert "cannot bind listener" in said


def test_a_reverse_whose_port_is_closed_on_this_host_hangs_up(handle: VirtualDeviceHandle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    port, _ = adb(handle, "reverse", "tcp:0", f"tcp:{closed}")
    assert ask(port, b"\n") == b""


def test_reverses_end_with_the_device(tmp_path: Path) -> None:
    with start_virtual_device(tmp_path, adb=needed_adb()) as device:
        port, _ = adb(device, "reverse", "tcp:0", "tcp:1")

    def refused() -> bool:
        try:
            ask(port, b"\n")
        except ConnectionError:
            return True
        return False

    assert ends(refused)
