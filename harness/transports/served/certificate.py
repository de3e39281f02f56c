"""TLS for a served session: a certificate of the user's, or one made for the occasion.

The one door to cryptography, which is an extra: only `--tls` needs it.
"""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import SuiteError

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

_VALID = timedelta(days=7)
_CLOCKS_DIFFER = timedelta(days=1)


def context_of(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the TLS context of a certificate (with its chain) and its private key.

    Raises:
        SuiteError: they cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without an answer of ours OpenSSL would ask for a pass phrase on the terminal.
        context.load_cert_chain(certificate, key, password=b"")
    except (OSError, ValueError) as error:
        raise SuiteError(
            f"the certificate or its key cannot be used: {error}",
            where=str(certificate),
            hint="name PEM files that belong together, the key without a pass phrase; or take "
            "--tls",
        ) from error
    return context


def made_for(host: str) -> tuple[ssl.SSLContext, str]:
    """Make a certificate for an address or name; return its context and SHA-256 fingerprint.

    Raises:
        SuiteError: the extra `tls` is not installed.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise SuiteError(
            "--tls needs the Python package cryptography",
            hint="run: pip install 'edgebench[tls]', or name files with --tls-cert and --tls-key",
        ) from error
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edgebench, made for one session")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([_alternative_name(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    return _in_memory(pem, secret), _grouped(sha256(der).hexdigest())


def _alternative_name(host: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _in_memory(certificate: bytes, key: bytes) -> ssl.SSLContext:
    # The ssl module reads files only; this one is its owner's alone, and gone at once.
    with tempfile.NamedTemporaryFile(prefix="edgebench-", suffix=".pem") as both:
        both.write(key + certificate)
        both.flush()
        return context_of(Path(both.name), Path(both.name))


def _grouped(digest: str) -> str:
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()
