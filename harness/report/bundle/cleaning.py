"""Files of a result folder without what says whose they are; what cannot be cleaned is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from harness.errors import StoreError
from harness.model import ResultFolder
from harness.serials import hashed

Clean: TypeAlias = Callable[[str], str]

_SERIAL = re.compile(r"[\w.:-]{4,64}")
_SHORT = 300
_PRINTABLE = bytes(range(32, 127)) + b"\t\r\n"
_ODD_SHARE = 0.1
_ENCODED = frozenset({"base64"})
"""Keys of captures whose values are numbers, written as text."""


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Cleans texts, JSON and files; `private` are paths that no file may hold, text or not.

    `serial_hashes` are those of a folder's phones: whatever has such a hash is a serial.
    """

    text_of: Clean
    private: tuple[str, ...] = ()
    serial_hashes: frozenset[str] = frozenset()
    _seen: dict[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """Return a text without names, paths and serials."""
        if len(text) > _SHORT:
            return self._cleaned(text)
        # The facts of runs are short, and the same in thousands of them.
        if text not in self._seen:
            self._seen[text] = self._cleaned(text)
        return self._seen[text]

    def value(self, value: Any) -> Any:
        """Return what JSON holds with every text in it cleaned, the names of keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            return {
                self.text(key): each if key in _ENCODED else self.value(each)
                for key, each in value.items()
            }
        return value

    def file(self, name: str, data: bytes) -> bytes:
        """Return a file cleaned; one in which nothing is private comes back byte for byte.

        Raises:
            StoreError: it is no text, and holds a path of this machine.
        """
        cleaned = self._file(data)
        for private in self.private:
            if re.search(rf"(?<!\w){re.escape(private)}(?![\w-])".encode(), cleaned):
                raise StoreError(
                    f"{name} holds a path of this machine that cannot be taken out",
                    where=name,
                    hint="look into the file; nothing was written",
                )
        return cleaned

    def _file(self, data: bytes) -> bytes:
        if not _is_text(data):
            return data
        # A log may have a byte in it that is of no character; it comes back as it was.
        text = data.decode(errors="surrogateescape")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text).encode(errors="surrogateescape")
        cleaned = self.value(document)
        return data if cleaned == document else _as_json(cleaned, text)

    def _cleaned(self, text: str) -> str:
        found = self.text_of(text)
        return _SERIAL.sub(self._serial, found) if self.serial_hashes else found

    def _serial(self, token: re.Match[str]) -> str:
        digits = hashed(token[0])
        return digits if digits in self.serial_hashes else token[0]


def serial_hashes(folder: ResultFolder) -> frozenset[str]:
    """Return the hashes of the phones that a folder knows."""
    benches = (run.bench for run in folder.runs)
    known: Iterable[object] = (
        *(bench.partition("phone:")[2] for bench in benches),
        *(target.bench.partition("phone:")[2] for target in folder.session.targets),
        *(run.setting.get("device_hash") for run in folder.runs),
    )
    return frozenset(str(each) for each in known if each)


def _is_text(data: bytes) -> bool:
    """Tell text, which may have a damaged byte in it, from numbers: most of it is printable."""
    if b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return len(data.translate(None, _PRINTABLE)) < _ODD_SHARE * len(data)
    return True


def _as_json(document: Any, before: str) -> bytes:
    """Return JSON in the shape that it had."""
    spread = before.startswith(("{\n", "[\n"))
    shown = json.dumps(
        document,
        ensure_ascii=False,
        indent=1 if spread else None,
        separators=None if spread else (",", ":"),
    )
    return (shown + "\n" * before.endswith("\n")).encode("utf-8", errors="surrogateescape")
