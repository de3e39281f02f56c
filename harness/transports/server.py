"""A web server that serves exactly what a run's page may have, and keeps a log.

It listens on 127.0.0.1; `transports.served` brings a listener of its own for browsers elsewhere.

Every response carries COOP, COEP and CORP, so that the page is cross-origin isolated: Wasm
threads exist only then, and its clock is 20 times finer. A run has a URL prefix of its own,
under which an explicit list of names is served; there are no folders, so no path leads anywhere
else. Bodies are read and hashed before the run, not while it is timed.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, runtime_checkable
from urllib.parse import unquote, urlsplit

from harness.errors import RunFailed

ISOLATION_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Workers of the threaded build start from blobs; nothing may come from another origin.
_CONTENT_POLICY = (
    "default-src 'self' blob: data:; script-src 'self' blob: 'unsafe-inline' 'unsafe-eval'"
)
_MEDIA_TYPES = {
    ".bin": "application/octet-stream",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".wasm": "application/wasm",
}
_IDLE_CONNECTION_S = 60
_WRITTEN_AT_ONCE = 2**18
_LOG_SETTLES_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Body:
    """What is served under one name."""

    data: bytes = field(repr=False)
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Served:
    """One answered request: `path` below the run's prefix, and the hash of the body sent.

    `complete` is False if the browser hung up before it had all of it.
    """

    path: str
    status: int
    bytes: int
    sha256: str
    complete: bool = True


@dataclass(slots=True)
class _Run:
    bodies: Mapping[str, Body]
    log: list[Served] = field(default_factory=list)
    pending: int = 0


class PageServer:
    """Serves the mounted names, in threads of its own, until it is closed.

    Without a `listener` only this host is served.
    """

    def __init__(self, listener: PageListener | None = None) -> None:
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()
        self._http = listener or PageListener(("127.0.0.1", 0), PageHandler)
        self._http.pages = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._hosts = {f"127.0.0.1:{self.port}"}
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._http.server_port

    @property
    def origin(self) -> str:
        """The origin of everything that is served, as this host sees it."""
        return f"http://127.0.0.1:{self.port}"

    def admit(self, origin: str) -> None:
        """Answer requests under another origin too, by which a browser elsewhere reaches us."""
        self._hosts.add(urlsplit(origin).netloc)

    def admits(self, host: str | None) -> bool:
        """Tell whether a request's `Host` is one of ours."""
        return host in self._hosts

    def mount(
        self, run_id: str, contents: Mapping[str, Path | bytes], *, origin: str | None = None
    ) -> str:
        """Serve `contents` (name → file or bytes) to one run; return its URL, ending in `/`.

        The URL is under `origin`, or under our own.

        Raises:
            RunFailed: a file cannot be read.
        """
        bodies = {name: body_of(name, content) for name, content in contents.items()}
        with self._lock:
            self._runs[run_id] = _Run(bodies)
        return f"{origin or self.origin}/r/{run_id}/"

    def change(self, url: str, changed: Callable[[bytes], bytes]) -> None:
        """Serve something else from now on under the URL of something that is mounted.

        Raises:
            RunFailed: nothing is mounted under this URL.
        """
        run_id, _, name = urlsplit(url).path.removeprefix("/r/").partition("/")
        with self._lock:
            run = self._runs.get(run_id)
            body = run.bodies.get(name) if run else None
            if run is None or body is None:
                raise RunFailed(f"nothing is served at {url}", hint="report it: this is a bug")
            data = changed(body.data)
            body = replace(body, data=data, sha256=sha256(data).hexdigest())
            run.bodies = {**run.bodies, name: body}

    def hashes(self, run_id: str) -> Mapping[str, str]:
        """Return name → sha256 of everything that is mounted for a run."""
        return {name: body.sha256 for name, body in self._runs[run_id].bodies.items()}

    def log(self, run_id: str) -> tuple[Served, ...]:
        """Return the requests of a run so far, once those under way have been answered."""
        deadline = time.monotonic() + _LOG_SETTLES_WITHIN_S
        while True:
            with self._lock:
                run = self._runs[run_id]
                if run.pending == 0 or time.monotonic() > deadline:
                    return tuple(run.log)
            time.sleep(0.005)

    def unmount(self, run_id: str) -> None:
        """Serve nothing to this run any more, and forget its log."""
        with self._lock:
            self._runs.pop(run_id, None)

    def close(self) -> None:
        """End the server and its connections."""
        self._http.shutdown()
        self._http.end_connections()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def begin(self, url_path: str) -> tuple[_Run | None, str, Body | None]:
        """Find the run, the name below its prefix and its body; the request is then pending."""
        parts = urlsplit(url_path).path.split("/", 3)
        if len(parts) != 4 or parts[:2] != ["", "r"]:
            return None, url_path, None
        name = unquote(parts[3])
        with self._lock:
            run = self._runs.get(parts[2])
            if run is None:
                return None, name, None
            run.pending += 1
            return run, name, run.bodies.get(name)

    def end(self, run: _Run | None, served: Served) -> None:
        """Log a request that was answered."""
        if run is None:
            return
        with self._lock:
            run.log.append(served)
            run.pending -= 1


def body_of(name: str, content: Path | bytes) -> Body:
    """Read and hash what is served; its media type follows from the name.

    Raises:
        RunFailed: the file cannot be read.
    """
    try:
        data = content.read_bytes() if isinstance(content, Path) else content
    except OSError as error:
        raise RunFailed(
            f"a file that the page needs cannot be read: {error}",
            hint="check that the file is there and may be read",
            kind="model-unavailable",
        ) from error
    media_type = _MEDIA_TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
    return Body(data, sha256(data).hexdigest(), media_type)


@runtime_checkable
class ServesPages(Protocol):
    """A transport whose browser reaches no server but the transport's own."""

    pages: PageServer


class PageListener(ThreadingHTTPServer):
    """Listens and starts a thread per connection; `PageServer` sets `pages`."""

    daemon_threads = True
    request_queue_size = 64
    pages: PageServer

    def __init__(self, *arguments: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Hang up on whoever still holds a connection open."""
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a browser that is killed hangs up in the middle of anything."""


class PageHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection with what is mounted."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_CONNECTION_S
    disable_nagle_algorithm = True
    server: PageListener

    def do_GET(self) -> None:
        """Answer one request and log it."""
        run, name, body = self.server.pages.begin(self.path)
        status = HTTPStatus.OK if body else HTTPStatus.NOT_FOUND
        # A name of another host that resolves to us must not read what a run serves.
        if not self.server.pages.admits(self.headers.get("Host")):
            status, body = HTTPStatus.MISDIRECTED_REQUEST, None
        answer = body or body_of("answer.txt", f"{status.value} {status.phrase}\n".encode())
        complete = False
        try:
            self.send(status, answer)
            complete = True
        finally:
            served = Served(name, status.value, len(answer.data), answer.sha256, complete)
            self.server.pages.end(run, served)

    def send(
        self,
        status: HTTPStatus,
        answer: Body,
        *,
        policy: str = _CONTENT_POLICY,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Send an answer with the headers of isolation, and what it may load by `policy`."""
        self.send_response(status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", policy)
        for header, value in {**ISOLATION_HEADERS, **headers}.items():
            self.send_header(header, value)
        self.end_headers()
        # The time-out is for one write: a slow network may take long, but must go on.
        view = memoryview(answer.data)
        for begin in range(0, len(view), _WRITTEN_AT_ONCE):
            self.wfile.write(view[begin : begin + _WRITTEN_AT_ONCE])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Stay silent: library code never prints."""
