"""Who has come: what a person calls the device, and what its page told of itself; pure.

Everything here was told, not seen: a user agent may say anything.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError

from harness.errors import SuiteError
from harness.options import Options

LABEL_LENGTH = 40
_SLUG_LENGTH = 24
# Begins and ends with a letter or digit; nothing that steers a terminal or a spreadsheet.
_LABEL = re.compile(r"[^\W_](?:[\w .+'()-]*[\w)+])?")
_LABEL_RULE = (
    f"a label has 1 to {LABEL_LENGTH} letters, digits, spaces and . + - _ ' ( ), "
    "and begins with a letter or digit"
)


def checked_label(text: str) -> str:
    """Return a label in its normal form; raises `ValueError` with the rule that it breaks."""
    label = " ".join(unicodedata.normalize("NFC", text).split())
    if len(label) > LABEL_LENGTH or not _LABEL.fullmatch(label):
        raise ValueError(_LABEL_RULE)
    return label


def slug(label: str) -> str:
    """Return a label as part of names and of folders: a-z, 0-9 and dashes."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    words = "-".join(re.findall(r"[a-z0-9]+", plain))[:_SLUG_LENGTH].strip("-")
    return words or f"device-{sha256(label.encode()).hexdigest()[:6]}"


class Joining(Options):
    """What the page sends when its person has given the device a label."""

    label: Annotated[str, AfterValidator(checked_label)]
    user_agent: Annotated[str, Field(max_length=1000)]
    secure_context: bool
    isolated: bool
    shared_array_buffer: bool
    wake_lock: bool
    cores: Annotated[int, Field(ge=1, le=4096)] | None = None


def read_joining(data: bytes) -> Joining:
    """Read what a page sends on joining.

    Raises:
        SuiteError: it is something else; the message is for the person at the device.
    """
    try:
        return Joining.model_validate_json(data)
    except ValidationError as error:
        about_label = any(each["loc"] == ("label",) for each in error.errors())
        raise SuiteError(
            _LABEL_RULE if about_label else "this is not what the page sends",
            hint="give the device another label" if about_label else "load the page again",
        ) from error


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of browser as its user agent tells it: for machines, for people, its version."""

    name: str
    title: str
    version: str

    @property
    def text(self) -> str:
        """For people: the title with the major version."""
        return f"{self.title} {self.version.partition('.')[0]}".strip()


# The first that is found counts: everybody also calls himself what came before him.
_FAMILIES = (
    ("EdgiOS", "edge-ios", "Edge on iOS/WebKit"),
    ("CriOS", "chrome-ios", "Chrome on iOS/WebKit"),
    ("FxiOS", "firefox-ios", "Firefox on iOS/WebKit"),
    ("EdgA", "edge", "Edge/Chromium"),
    ("Edg", "edge", "Edge/Chromium"),
    ("OPR", "opera", "Opera/Chromium"),
    ("SamsungBrowser", "samsung-internet", "Samsung Internet/Chromium"),
    ("Firefox", "firefox", "Firefox"),
    ("HeadlessChrome", "chromium", "Chromium"),
    ("Chrome", "chrome", "Chrome/Chromium"),
)
_VERSION = r"/(\d{1,9}(?:\.\d{1,9}){0,3})"
_APPLE = re.compile(r"\((?:Macintosh|iPhone|iPad|iPod)[;)]")


def family_of(user_agent: str) -> Family:
    """Say which browser a user agent tells of; only Apple's own WebKit is called Safari."""
    for product, name, title in _FAMILIES:
        if found := re.search(rf"\b{product}{_VERSION}", user_agent):
            return Family(name, title, found[1])
    told = re.search(rf"\bVersion{_VERSION}", user_agent)
    engine = re.search(rf"\bAppleWebKit{_VERSION}", user_agent)
    if engine and told and _APPLE.search(user_agent):
        return Family("safari", "Safari/WebKit", told[1])
    if engine:
        return Family("webkit", "WebKit", told[1] if told else engine[1])
    return Family("unknown", "A browser that does not tell its name", "")


@dataclass(frozen=True, slots=True)
class ConnectedDevice:
    """The one device of a session: its label, and what its page told on joining."""

    told: Joining

    @property
    def label(self) -> str:
        return self.told.label

    @property
    def slug(self) -> str:
        return slug(self.told.label)

    @property
    def bench(self) -> str:
        """The bench that it is: it measures one thing at a time."""
        return f"served:{self.slug}"

    @property
    def family(self) -> Family:
        return family_of(self.told.user_agent)

    @property
    def can_have_threads(self) -> bool:
        """Whether its pages may share memory among threads."""
        return self.told.isolated and self.told.shared_array_buffer
