"""The page server: exactly what is mounted, with the headers of isolation, and a true log."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import RunFailed
from harness.transports.server import PageServer, Served

BINARY = bytes(range(256)) * 4096


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as opened:
        yield opened


def get(
    server: PageServer, path: str, *, host: str | None = None, method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    address = urlsplit(server.origin).netloc
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or address)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_a_mounted_file_is_served_isolated_and_never_cached(
    server: PageServer, tmp_path: Path
) -> None:
    (tmp_path / "some.wasm").write_bytes(BINARY)
    url = server.mount("run1", {"tfjs/some.wasm": tmp_path / "some.wasm", "bench.html": b"<p>"})
    status, headers, body = get(server, urlsplit(url).path + "tfjs/some.wasm")
    assert (status, body) == (200, BINARY)
    assert headers["Content-Type"] == "application/wasm"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.bin", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_media_types_are_what_browsers_insist_on(
    server: PageServer, name: str, media_type: str
) -> None:
    server.mount("run1", {name: b"x"})
    assert get(server, f"/r/run1/{name}")[1]["Content-Type"] == media_type


def test_the_log_has_every_request_with_the_hash_of_its_body(server: PageServer) -> None:
    server.mount("run1", {"a.bin": BINARY})
    missing = get(server, "/r/run1/b.bin")[2]
    get(server, "/r/run1/a.bin")
    assert server.log("run1") == (
        Served("b.bin", 404, len(missing), sha256(missing).hexdigest()),
        Served("a.bin", 200, len(BINARY), sha256(BINARY).hexdigest()),
    )
    assert server.hashes("run1") == {"a.bin": sha256(BINARY).hexdigest()}


def test_what_is_served_is_what_was_hashed_even_if_the_file_changes(
    server: PageServer, tmp_path: Path
) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"before")
    server.mount("run1", {"a.bin": file})
    file.write_bytes(b"after")
    assert get(server, "/r/run1/a.bin")[2] == b"before"


def test_runs_do_not_see_each_other(server: PageServer) -> None:
    server.mount("run1", {"a.bin": b"1"})
    server.mount("run2", {"b.bin": b"2"})
    assert get(server, "/r/run1/b.bin")[0] == 404
    assert [served.path for served in server.log("run2")] == []
    server.unmount("run1")
    assert get(server, "/r/run1/a.bin")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/r/",
        "/r/run1",
        "/r/run1/",
        "/r/run1/../run1/a.bin",
        "/r/run1/./a.bin",
        "/r/run1//a.bin",
        "/r/run1/%2e%2e/%2e%2e/etc/passwd",
        "/r/run1/..%2f..%2fetc%2fpasswd",
        "/etc/passwd",
        "//etc/passwd",
        "/r/run1/a.bin/",
        "/r/run1/a.bin%00",
        "/x/run1/a.bin",
    ],
)
def test_nothing_but_the_mounted_names_is_served(server: PageServer, path: str) -> None:
    server.mount("run1", {"a.bin": b"secret"})
    status, _, body = get(server, path)
    assert (status, b"secret" in body) == (404, False)


@settings(deadline=None, max_examples=150)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_no_path_leads_to_a_file_that_is_not_mounted(shared: PageServer, path: str) -> None:
    status, _, body = get(shared, f"/r/run1/{path}")
    assert status == (200 if path.partition("?")[0].partition("#")[0] == "a.bin" else 404)
    assert (b"secret" in body) == (status == 200)


@pytest.fixture(scope="module")
def shared() -> Iterator[PageServer]:
    with PageServer() as opened:
        opened.mount("run1", {"a.bin": b"secret"})
        yield opened


def test_another_name_for_this_host_is_refused(server: PageServer) -> None:
    server.mount("run1", {"a.bin": b"secret"})
    port = urlsplit(server.origin).port
    for host in (f"attacker.example:{port}", "127.0.0.1", f"localhost:{port}"):
        status, _, body = get(server, "/r/run1/a.bin", host=host)
        assert (status, b"secret" in body) == (421, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_only_get_is_answered(server: PageServer, method: str) -> None:
    server.mount("run1", {"a.bin": b"secret"})
    status, _, body = get(server, "/r/run1/a.bin", method=method)
    assert (status, b"secret" in body) == (501, False)


def test_it_listens_on_this_host_alone(server: PageServer) -> None:
    assert urlsplit(server.origin).hostname == "127.0.0.1"
    assert server._http.socket.getsockname()[0] == "127.0.0.1"


def test_a_browser_that_hangs_up_is_logged_as_incomplete(server: PageServer) -> None:
    server.mount("run1", {"large.bin": bytes(64 << 20)})
    address = urlsplit(server.origin)
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(
            f"GET /r/run1/large.bin HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode()
        )
        connection.recv(1024)
    deadline = time.monotonic() + 10
    while not server.log("run1") and time.monotonic() < deadline:
        time.sleep(0.01)
    (served,) = server.log("run1")
    assert not served.complete


def test_many_requests_at_once_are_all_answered_and_logged(server: PageServer) -> None:
    names = {f"{number}.bin": bytes([number]) * 100_000 for number in range(24)}
    server.mount("run1", names)
    wrong: list[str] = []

    def fetch(name: str) -> None:
        if get(server, f"/r/run1/{name}")[2] != names[name]:
            wrong.append(name)

    threads = [threading.Thread(target=fetch, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert {(s.path, s.sha256) for s in server.log("run1")} == {
        (name, sha256(data).hexdigest()) for name, data in names.items()
    }


def test_closing_hangs_up_on_idle_connections() -> None:
    server = PageServer()
    server.mount("run1", {"a.bin": b"x"})
    address = urlsplit(server.origin)
    with socket.create_connection((address.hostname or "", address.port or 0)) as idle:
        idle.sendall(f"GET /r/run1/a.bin HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        assert idle.recv(65536)
        server.close()
        idle.settimeout(10)
        while idle.recv(65536):
            pass


def test_a_file_that_cannot_be_read_fails_the_run(server: PageServer, tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        server.mount("run1", {"a.bin": tmp_path / "none"})
    assert caught.value.kind == "model-unavailable"
