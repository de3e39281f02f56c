"""What a lobby answers to whoever comes: one browser, its own work, and 4xx for all else."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import RunFailed, SuiteError, TargetNotFound
from harness.transports.served import Address, Lobby, Progress, current, opened
from harness.transports.served.connections import address_of
from harness.transports.served.exchange import Answer
from harness.transports.served.handler import LARGEST_UPLOAD

TOLD = {
    "label": "Kitchen iPad",
    "user_agent": "Mozilla/5.0",
    "secure_context": True,
    "isolated": True,
    "shared_array_buffer": True,
    "wake_lock": False,
    "cores": 4,
}
ANSWER = {"value": {"a": [1, None]}, "error": None, "seen": {"wake_lock": "held"}}


@dataclass
class Client:
    """A browser as the wire sees it."""

    lobby: Lobby
    notices: list[str]
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        without: tuple[str, ...] = (),
        **headers: str,
    ) -> tuple[int, Mapping[str, str], bytes]:
        host = urlsplit(self.lobby.origin).netloc
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Host": host, "Cookie": self.cookie}
        if method == "POST":
            sent |= {
                "Origin": self.lobby.origin,
                "Content-Type": "application/json",
                "Content-Length": str(len(raw)),
            }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(host, timeout=10)
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in sent.items():
                if name not in without:
                    connection.putheader(name, value)
            connection.endheaders(raw if method == "POST" and len(raw) < 2**20 else None)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    @property
    def entrance(self) -> str:
        return urlsplit(self.lobby.address).path

    def join(self, **changes: Any) -> int:
        status, headers, _ = self.ask("POST", f"{self.entrance}join", {**TOLD, **changes})
        self.cookie = headers.get("Set-Cookie", "").partition(";")[0]
        return status

    def next(self, at: str = "lobby") -> dict[str, Any]:
        status, _, body = self.ask("GET", f"/next?at={at}")
        assert status == 200, body
        told: dict[str, Any] = json.loads(body)
        return told


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("harness.transports.served.lobby._SAYS_GOODBYE_WITHIN_S", 0.0)
    notices: list[str] = []
    lobby = Lobby(Address("127.0.0.1", "127.0.0.1"), suite="<tiny>", notice=notices.append)
    with opened(lobby):
        yield Client(lobby, notices)


@contextmanager
def a_job(client: Client) -> Iterator[tuple[Future[Answer], str]]:
    """Give the joined client a page and a job; yields what the visit waits for, and the job."""
    exchange = client.lobby.exchange

    def visit() -> Answer:
        exchange.begin(10)
        exchange.open("/r/run/bench.html", "place", time.monotonic() + 10)
        return exchange.evaluate("x => x", {"n": 1}, time.monotonic() + 10)

    with ThreadPoolExecutor(1) as executor:
        work = executor.submit(visit)
        order = client.next()
        assert (order["do"], order["url"]) == ("open", "/r/run/bench.html")
        order = client.next("place")
        assert (order["do"], order["function"], order["argument"]) == (
            "evaluate",
            "x => x",
            {"n": 1},
        )
        try:
            yield work, order["job"]
        finally:
            exchange.interrupt()


def test_whoever_has_the_token_sees_the_form_and_the_first_to_send_it_is_in(client: Client) -> None:
    for _ in range(2):
        # Programs that look at links before people do take nothing away.
        status, headers, body = client.ask("GET", client.entrance)
        assert status == 200
        assert b"&lt;tiny&gt;" in body
        assert b"<tiny>" not in body
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert client.join() == 200
    assert re.fullmatch(r"edgebench_\d+=[\w-]{43}", client.cookie)
    status, _, body = client.ask("GET", "/")
    assert status == 200
    assert b"Kitchen iPad" in body
    assert client.ask("GET", client.entrance)[1]["Location"] == "/"


def test_the_cookie_is_for_this_session_and_not_for_scripts(client: Client) -> None:
    _, headers, _ = client.ask("POST", f"{client.entrance}join", TOLD)
    attributes = headers["Set-Cookie"].split("; ")[1:]
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax"]


def test_a_second_device_is_told_so_and_stays_out(client: Client) -> None:
    client.join()
    other = Client(client.lobby, client.notices)
    assert other.join(label="Other") == 409
    assert other.cookie == ""
    status, _, body = other.ask("GET", other.entrance)
    assert status == 409
    assert b"Another browser" in body
    assert client.lobby.device is not None
    assert client.lobby.device.label == "Kitchen iPad"
    assert client.notices == ["refused a second device from 127.0.0.1"]


@pytest.mark.parametrize("path", ["/", "/next?at=lobby", "/r/run/bench.html", "/t/", "/t/wrong/"])
def test_without_the_token_nothing_is_served(client: Client, path: str) -> None:
    client.join()
    for cookie in (
        "",
        "edgebench_1=x",
        client.cookie[:-1] + "~",
        f'{client.cookie.partition("=")[0]}=""',
    ):
        stranger = Client(client.lobby, client.notices, cookie)
        status, _, body = stranger.ask("GET", path)
        assert status == 403
        assert b"Not for this browser" in body
    assert client.notices


def test_going_back_to_the_page_of_an_earlier_run_leads_to_the_lobby(client: Client) -> None:
    client.join()
    gone = client.ask("GET", "/r/over/bench.html", Sec_Fetch_Dest="document")
    assert (gone[0], gone[1]["Location"]) == (303, "/")
    with a_job(client):
        there = client.ask("GET", "/r/run/bench.html", Sec_Fetch_Dest="document")
        assert there[0] == 404


def test_an_icon_that_browsers_ask_for_by_themselves_is_no_fault(client: Client) -> None:
    for path in ("/favicon.ico", "/apple-touch-icon-precomposed.png"):
        assert client.ask("GET", path)[0] == 404
    assert client.notices == []


def test_a_request_under_another_hosts_name_is_misdirected(client: Client) -> None:
    assert client.ask("GET", client.entrance, Host="evil.example")[0] == 421


@pytest.mark.parametrize(
    ("headers", "without", "status"),
    [
        ({"Content_Type": "text/plain"}, (), 415),
        ({}, ("Content-Type",), 415),
        ({}, ("Content-Length",), 411),
        ({"Content_Length": "-1"}, (), 411),
        ({"Content_Length": "²"}, (), 411),
        ({"Transfer_Encoding": "chunked"}, (), 411),
        ({"Content_Length": str(LARGEST_UPLOAD + 1)}, (), 413),
        ({"Content_Length": "9" * 50}, (), 413),
        ({"Origin": "https://evil.example"}, (), 403),
        ({}, ("Origin",), 403),
        ({}, ("Cookie",), 403),
    ],
)
def test_an_upload_must_say_what_it_is_how_long_and_where_from(
    client: Client, headers: dict[str, str], without: tuple[str, ...], status: int
) -> None:
    client.join()
    with a_job(client) as (work, job):
        body = {"job": job, **ANSWER}
        encoded = {k: v.encode("latin-1").decode("latin-1") for k, v in headers.items()}
        assert client.ask("POST", "/answer", body, without=without, **encoded)[0] == status
        assert not work.done()
        assert len(client.notices) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"job": 1}',
        b"[" * 5000,
        {"job": "x"},
        {"job": "x", **ANSWER, "more": 1},
        {"job": "x", **ANSWER, "seen": {"hidden": "no"}},
        {"job": "x", **ANSWER, "seen": {"console": ["x"] * 201}},
        {"job": "x", **ANSWER, "seen": {"slept_s": 1e400}},
        {"job": "x" * 101, **ANSWER},
    ],
)
def test_garbage_is_refused_and_the_job_stays_open(client: Client, body: Any) -> None:
    client.join()
    with a_job(client) as (work, job):
        assert client.ask("POST", "/answer", body)[0] == 422
        assert client.ask("POST", "/answer", {"job": job, **ANSWER})[0] == 200
        assert work.result(5).value == ANSWER["value"]


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200))
def test_no_bytes_get_through_as_an_answer(data: bytes) -> None:
    # Without a lobby: what is read is pure.
    try:
        Answer.model_validate_json(data)
    except ValueError:
        return
    assert b'"job"' in data


def test_an_answer_counts_once_and_only_for_the_job_that_was_given_out(client: Client) -> None:
    client.join()
    with a_job(client) as (work, job):
        assert client.ask("POST", "/answer", {"job": "another", **ANSWER})[0] == 410
        assert not work.done()
        assert client.ask("POST", "/answer", {"job": job, **ANSWER})[0] == 200
        assert work.result(5).seen.wake_lock == "held"
        assert client.ask("POST", "/answer", {"job": job, **ANSWER})[0] == 410
    assert any("nobody waits" in notice for notice in client.notices)


def test_a_page_that_asks_how_far_the_session_is_is_told_at_once(client: Client) -> None:
    client.join()
    client.lobby.progress = Progress(3, 24, "Now: net.")
    told = client.next("lobby&now=1")
    assert told["do"] == "wait"
    assert told["progress"] == {"done": 3, "total": 24, "now": "Now: net."}


def test_a_connection_that_is_held_and_says_nothing_is_nobodys_fault(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.transports.served.handler._HEAD_WITHIN_S", 0.2)
    with socket.create_connection(("127.0.0.1", client.lobby.pages.port), timeout=10) as silent:
        assert silent.recv(100) == b""
    assert client.notices == []


def test_what_is_no_request_at_all_is_answered_and_told(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.lobby.pages.port), timeout=10) as odd:
        odd.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert b"400" in odd.recv(1000)
    (notice,) = client.notices
    assert "a broken request" in notice


def test_an_answer_before_any_job_is_refused(client: Client) -> None:
    client.join()
    assert client.ask("POST", "/answer", {"job": "", **ANSWER})[0] == 410


def test_an_upload_that_does_not_come_to_its_end_is_given_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.transports.served.handler._BODY_WITHIN_S", 0.3)
    client.join()
    assert client.ask("POST", "/answer", b"{", Content_Length="100")[0] == 408


def test_a_head_that_dribbles_ends_at_its_deadline(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.transports.served.handler._HEAD_WITHIN_S", 0.5)
    with socket.create_connection(("127.0.0.1", client.lobby.pages.port), timeout=10) as slow:
        dribble = threading.Event()

        def send() -> None:
            # Each byte comes well within the time, the whole never does.
            while not dribble.wait(0.1):
                try:
                    slow.send(b"G")
                except OSError:
                    return

        thread = threading.Thread(target=send)
        thread.start()
        try:
            assert slow.recv(100) == b""
        except ConnectionResetError:
            pass
        finally:
            dribble.set()
            thread.join()


def test_a_page_that_says_it_was_hidden_ends_its_run_at_once(client: Client) -> None:
    client.join()
    with a_job(client) as (work, job):
        assert client.ask("POST", "/disturbed", {"at": "elsewhere", "why": "hidden"})[0] == 200
        assert not work.done()
        assert client.ask("POST", "/disturbed", {"at": "place", "why": "frozen"})[0] == 200
        with pytest.raises(RunFailed) as failed:
            work.result(5)
        assert failed.value.kind == "page-hidden"
        assert client.ask("POST", "/answer", {"job": job, **ANSWER})[0] == 410


def test_a_page_that_is_killed_says_so_by_its_connection(client: Client) -> None:
    client.join()
    with a_job(client) as (work, _):
        tie = http.client.HTTPConnection(urlsplit(client.lobby.origin).netloc, timeout=10)
        tie.request("GET", "/tie?at=place", headers={"Cookie": client.cookie})
        assert not work.done()
        tie.close()
        with pytest.raises(RunFailed, match="left"):
            work.result(5)


def test_a_page_that_is_loaded_again_ends_its_run(client: Client) -> None:
    client.join()
    with a_job(client) as (work, _):
        threading.Thread(target=client.next, args=("place",), daemon=True).start()
        with pytest.raises(RunFailed, match="loaded again"):
            work.result(5)


def test_a_resumed_session_waits_for_its_own_device() -> None:
    lobby = Lobby(
        Address("127.0.0.1", "127.0.0.1"), suite="s", notice=print, expected="kitchen-ipad"
    )
    with opened(lobby):
        client = Client(lobby, [])
        status, _, body = client.ask("POST", f"{client.entrance}join", {**TOLD, "label": "TV"})
        assert status == 422
        assert "kitchen-ipad" in json.loads(body)["error"]
        assert client.join(label="kitchen-iPad") == 200
        lobby.exchange.said_goodbye.set()


def test_what_is_refused_is_told_once_and_within_bounds(client: Client) -> None:
    for number in range(80):
        client.lobby.refuse(f"thing {number}", "192.0.2.7")
        client.lobby.refuse(f"thing {number}", "192.0.2.7")
    assert len(client.notices) == 50
    assert client.notices[0] == "refused thing 0 from 192.0.2.7"


def test_without_a_lobby_a_served_target_is_not_there() -> None:
    with pytest.raises(TargetNotFound) as missing:
        current()
    assert missing.value.kind == "not-served"
    assert "edgebench serve" in missing.value.hint


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "no-such-host.invalid"])
def test_an_address_that_no_browser_can_open_is_refused(host: str) -> None:
    with pytest.raises(SuiteError) as refused:
        address_of(host, 0)
    assert "such as" in refused.value.hint


def test_a_port_that_is_taken_is_the_users_to_change(client: Client) -> None:
    with pytest.raises(SuiteError, match="cannot listen"):
        Lobby(Address("127.0.0.1", "127.0.0.1", client.lobby.pages.port), suite="s", notice=print)
