"""What a served session answers to each request; everything but its own work is refused.

Nobody gets in without the token of the address, and nobody but the browser that used it first.
What is refused ends in a 4xx and a line on the terminal.
"""

from __future__ import annotations

import io
import json
import select
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from harness import locations
from harness.errors import SuiteError
from harness.options import Options
from harness.transports.served.connections import DeadlineReader
from harness.transports.served.device import read_joining
from harness.transports.served.exchange import Answer, Disturbance
from harness.transports.server import PageHandler, body_of

if TYPE_CHECKING:
    from harness.transports.served.lobby import LobbyListener

Sent = TypeVar("Sent", bound=Options)

LARGEST_UPLOAD = 32 * 2**20
"""Outputs as base64 and every sample of the longest run that suites ask for fit well in it."""
_LARGEST_NOTE = 16 * 2**10
_HEAD_WITHIN_S = 60.0
_BODY_WITHIN_S = 60.0
_WRITE_WITHIN_S = 30.0
_POLL_S = 20.0
_LOOK_AGAIN_S = 2.0
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_ICONS = ("/favicon.ico", "/apple-touch-icon")
"""What browsers ask for by themselves; it is no fault of theirs that there is none."""
_FILES = ("lobby.css", "lobby.js", "join.js", "run_page.js")


class Refused(Exception):
    """A request that is answered with a 4xx; `why` is for the terminal."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class ServedHandler(PageHandler):
    """Answers the requests of one connection."""

    server: LobbyListener

    def setup(self) -> None:
        """Read with a deadline for the whole of a request, not for each byte of it."""
        super().setup()
        self._reader = DeadlineReader(self.connection)
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        """Answer one request."""
        self._reader.begin(_HEAD_WITHIN_S)
        super().handle_one_request()

    def version_string(self) -> str:
        """Name what serves, and not which version of what."""
        return "edgebench"

    def do_GET(self) -> None:  # noqa: N802  the base class's name
        """Answer with a page, a file of a run, or the next order."""
        self._answering(self._get)

    def do_POST(self) -> None:  # noqa: N802  the base class's name
        """Take an answer, a disturbance, or the device that joins."""
        self._answering(self._post)

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Show on the terminal what could not even be read as a request."""
        # A browser that holds a connection and says nothing does nothing wrong.
        if self._reader.has_begun:
            self.server.lobby.refuse(f"a broken request ({format % args})", self._host())

    def _answering(self, answer: Callable[[str], None]) -> None:
        lobby = self.server.lobby
        self.connection.settimeout(_WRITE_WITHIN_S)
        path = urlsplit(self.path).path
        try:
            self._check_host()
            answer(path)
        except Refused as refused:
            # What was not read of the request must not be taken for the next one.
            self.close_connection = True
            lobby.refuse(refused.why, self._host())
            self._page(refused.status, "refused.html", _REASONS.get(refused.status, ""))

    def _check_host(self) -> None:
        # A name of another host that resolves to us must not read what is served.
        if not self.server.lobby.pages.admits(self.headers.get("Host")):
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "a request for another host")

    def _get(self, path: str) -> None:
        if path.startswith(_ICONS):
            self.send(HTTPStatus.NOT_FOUND, body_of("answer.txt", b""))
        elif path.lstrip("/") in _FILES:
            self._file(path.lstrip("/"))
        elif path.startswith("/t/"):
            self._entrance(path)
        elif not self._is_in():
            self._refuse_stranger()
        elif path == "/":
            self._page(HTTPStatus.OK, "lobby.html")
        elif path == "/next":
            self._next()
        elif path == "/tie":
            self._hold_tie()
        elif path.startswith("/r/") and self._is_of_an_earlier_run(path):
            self._redirect("/")
        elif path.startswith("/r/"):
            super().do_GET()
        else:
            raise Refused(HTTPStatus.NOT_FOUND, f"a request for something else ({path[:40]!r})")

    def _post(self, path: str) -> None:
        origin = self.headers.get("Origin")
        if origin != self.server.lobby.origin:
            raise Refused(HTTPStatus.FORBIDDEN, "an upload from another page")
        if path.startswith("/t/") and path.endswith("/join"):
            self._join(path)
        elif not self._is_in():
            self._refuse_stranger()
        elif path == "/answer":
            self._take_answer()
        elif path == "/disturbed":
            note = _read(Disturbance, self._upload(_LARGEST_NOTE))
            self.server.lobby.exchange.disturb(note)
            self._json({})
        else:
            raise Refused(HTTPStatus.NOT_FOUND, f"an upload to something else ({path[:40]!r})")

    def _entrance(self, path: str) -> None:
        lobby = self.server.lobby
        if not lobby.knows_token(path.split("/")[2]):
            raise Refused(HTTPStatus.FORBIDDEN, "an address with a wrong token")
        if self._is_in():
            self._redirect("/")
        elif lobby.device is not None:
            raise Refused(HTTPStatus.CONFLICT, "a second device")
        else:
            self._page(HTTPStatus.OK, "join.html")

    def _join(self, path: str) -> None:
        lobby = self.server.lobby
        if not lobby.knows_token(path.split("/")[2]):
            raise Refused(HTTPStatus.FORBIDDEN, "an upload with a wrong token")
        data = self._upload(_LARGEST_NOTE)
        try:
            secret = lobby.join(read_joining(data))
        except SuiteError as error:
            said = {"error": f"{error.message}; {error.hint}"}
            self._json(said, HTTPStatus.UNPROCESSABLE_ENTITY)
            return
        if not secret:
            raise Refused(HTTPStatus.CONFLICT, "a second device")
        secure = "; Secure" if lobby.origin.startswith("https") else ""
        cookie = f"{lobby.cookie}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}"
        self._json({}, headers={"Set-Cookie": cookie})

    def _next(self) -> None:
        lobby = self.server.lobby
        within_s = 0.0 if self._asked_for("now") else _POLL_S
        order = lobby.exchange.next(self._asked_for("at"), self._is_gone, within_s)
        self._json({**asdict(order), "progress": asdict(lobby.progress)})
        if order.do == "over":
            lobby.exchange.said_goodbye.set()

    def _is_of_an_earlier_run(self, path: str) -> bool:
        """Tell whether somebody went back to the page of a run that is over."""
        is_page = self.headers.get("Sec-Fetch-Dest") == "document"
        return is_page and path != self.server.lobby.exchange.url

    def _hold_tie(self) -> None:
        """Hold a connection as long as its page is open: a page that is killed says nothing."""
        exchange, at = self.server.lobby.exchange, self._asked_for("at")
        while exchange.expects(at):
            if select.select([self.connection], [], [], _LOOK_AGAIN_S)[0]:
                exchange.disturb(Disturbance(at=at, why="left"))
                break
        self.close_connection = True
        self._json({})

    def _asked_for(self, name: str) -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0][:100]

    def _take_answer(self) -> None:
        answer = _read(Answer, self._upload(LARGEST_UPLOAD))
        if not self.server.lobby.exchange.answer(answer):
            # A run that was ended before its page was done ends like this.
            raise Refused(HTTPStatus.GONE, "an answer that nobody waits for (any more)")
        self._json({})

    def _upload(self, largest: int) -> bytes:
        """Read the body of an upload that says what it is and how long."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "an upload that is not JSON")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "an upload that does not tell its length")
        if int(length) > largest:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"an upload of {length[:20]} bytes")
        self._reader.begin(_BODY_WITHIN_S)
        try:
            data = self.rfile.read(int(length))
        except TimeoutError as error:
            raise Refused(
                HTTPStatus.REQUEST_TIMEOUT, "an upload that did not come to its end"
            ) from error
        self.connection.settimeout(_WRITE_WITHIN_S)
        return data

    def _is_in(self) -> bool:
        lobby = self.server.lobby
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return False
        ours = cookies.get(lobby.cookie)
        return ours is not None and lobby.knows_secret(ours.value)

    def _refuse_stranger(self) -> None:
        raise Refused(HTTPStatus.FORBIDDEN, "a browser that did not come in by the address")

    def _is_gone(self) -> bool:
        """Tell whether the browser hung up: while it waits it has nothing to say."""
        try:
            return bool(select.select([self.connection], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def _host(self) -> str:
        return str(self.client_address[0])

    def _file(self, name: str) -> None:
        self.send(HTTPStatus.OK, body_of(name, _page_file(name)), policy=_PAGE_POLICY)

    def _page(self, status: HTTPStatus, name: str, reason: str = "") -> None:
        text = self.server.lobby.filled(_page_file(name).decode()).replace("$REASON$", reason)
        headers = {"Connection": "close"} if self.close_connection else {}
        self.send(status, body_of(name, text.encode()), policy=_PAGE_POLICY, headers=headers)

    def _json(self, said: dict[str, Any], status: HTTPStatus = HTTPStatus.OK, **more: Any) -> None:
        self.send(status, body_of("answer.json", json.dumps(said).encode()), **more)

    def _redirect(self, where: str) -> None:
        self.send(HTTPStatus.SEE_OTHER, body_of("answer.txt", b""), headers={"Location": where})


_REASONS = {
    HTTPStatus.FORBIDDEN: "This page is not for this browser. Open the address that the terminal "
    "shows, as it is printed there.",
    HTTPStatus.CONFLICT: "Another browser has come in with this address. It counts for one "
    "browser; start edgebench serve once more for this one.",
}


def _page_file(name: str) -> bytes:
    return (locations.device_scripts() / "web" / "served" / name).read_bytes()


def _read(kind: type[Sent], data: bytes) -> Sent:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY, "an upload that is not what its page sends"
        ) from error
