"""TLS of a served session: a certificate for its address, or one that the user has."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.errors import SuiteError
from harness.transports.served import Address, Lobby, opened
from harness.transports.served import certificate as certificates
from harness.transports.served.certificate import context_of, made_for


@contextmanager
def served(context: ssl.SSLContext, host: str = "127.0.0.1") -> Iterator[Lobby]:
    with opened(Lobby(Address(host, host), suite="s", notice=print, tls=context)) as lobby:
        yield lobby


def presented(lobby: Lobby) -> bytes:
    """Return the certificate that the lobby shows to whoever comes."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    address = ("127.0.0.1", lobby.pages.port)
    with (
        socket.create_connection(address, timeout=10) as plain,
        trusting.wrap_socket(plain) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


@pytest.fixture
def pem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A key and its certificate in one file, as a person may have them."""
    path = tmp_path / "both.pem"

    def keep(certificate: bytes, key: bytes) -> ssl.SSLContext:
        path.write_bytes(key + certificate)
        return context_of(path, path)

    monkeypatch.setattr(certificates, "_in_memory", keep)
    made_for("127.0.0.1")
    return path


def test_the_fingerprint_that_is_told_is_that_of_what_is_shown() -> None:
    context, fingerprint = made_for("127.0.0.1")
    assert re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2}){31}", fingerprint)
    with served(context) as lobby:
        assert lobby.address.startswith("https://")
        digest = sha256(presented(lobby)).hexdigest().upper()
    assert digest == fingerprint.replace(":", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.7", "fd00::2", "laptop.local"])
def test_each_kind_of_address_gets_a_certificate_and_another_each_time(host: str) -> None:
    assert made_for(host)[1] != made_for(host)[1]


def test_whoever_trusts_the_certificate_reaches_the_form_by_its_address(pem: Path) -> None:
    with served(context_of(pem, pem)) as lobby:
        trusting = ssl.create_default_context(cafile=str(pem))
        where = urlsplit(lobby.address)
        connection = http.client.HTTPSConnection(where.netloc, timeout=10, context=trusting)
        connection.request("GET", where.path)
        assert connection.getresponse().status == 200
        connection.close()


def test_the_cookie_stays_on_encrypted_ways(pem: Path) -> None:
    with served(context_of(pem, pem)) as lobby:
        assert lobby.origin.startswith("https://")
        lobby.exchange.said_goodbye.set()
        trusting = ssl.create_default_context(cafile=str(pem))
        where = urlsplit(lobby.address)
        connection = http.client.HTTPSConnection(where.netloc, timeout=10, context=trusting)
        body = (
            '{"label": "TV", "user_agent": "", "secure_context": true, "isolated": true, '
            '"shared_array_buffer": true, "wake_lock": true}'
        )
        headers = {"Origin": lobby.origin, "Content-Type": "application/json"}
        connection.request("POST", f"{where.path}join", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert "Secure" in (answer.getheader("Set-Cookie") or "").split("; ")
        connection.close()


def test_whoever_speaks_without_encryption_or_not_at_all_blocks_nobody(pem: Path) -> None:
    with served(context_of(pem, pem)) as lobby:
        address = ("127.0.0.1", lobby.pages.port)
        with socket.create_connection(address), socket.create_connection(address) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert presented(lobby)


def test_files_that_do_not_fit_are_told_with_a_next_step(pem: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("nothing")
    for certificate, key in ((pem, other), (other, pem), (tmp_path / "absent", pem)):
        with pytest.raises(SuiteError, match="cannot be used") as refused:
            context_of(certificate, key)
        assert "--tls" in refused.value.hint


def test_without_the_extra_the_option_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(SuiteError) as refused:
        made_for("127.0.0.1")
    assert "edgebench[tls]" in refused.value.hint


def test_a_name_of_many_digits_stands_in_brackets_in_an_address() -> None:
    assert Address("fd00::2", "fd00::2").in_url == "[fd00::2]"
    assert Address("192.0.2.7", "laptop.local").in_url == "laptop.local"
