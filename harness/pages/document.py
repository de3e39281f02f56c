"""A page that stands alone: its head, its policy, its looks, and texts that stay texts.

A page asks for nothing: its style and its one script are in it. The policy forbids whatever an
escaping mistake might have let in; of scripts it allows the very one that belongs to the page,
by its hash (W3C, Content Security Policy Level 3, section 2.3.1).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from harness.table_text.visible import visible

_TAB = 8


def document(
    title: str,
    body: Iterable[str],
    *,
    generator: str = "edgebench",
    trail: Sequence[tuple[str, str]] = (),
    scripted: bool = False,
    data: Any = None,
) -> str:
    """Return a whole page.

    `trail` are the pages that this one belongs to, (text, address), outermost first. `scripted`
    adds the script that sorts, filters and switches baselines; `data` is what it reads, JSON.
    """
    lines = [
        *_head(title, generator, scripted=scripted),
        "<body>",
        *_trail(trail),
        f"<h1>{escaped(title)}</h1>",
        *body,
        *(_script(data) if scripted else ()),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return text that HTML shows as it is, on one line, inside elements and attributes."""
    return escape(visible(text), quote=True)


def escaped_lines(text: str) -> str:
    """Return a text of several lines as a `<pre>` shows it; its tabs become spaces."""
    return "\n".join(escaped(line.expandtabs(_TAB)) for line in text.splitlines())


def link(text: str, address: str) -> str:
    """Return a link; the address is one of ours, relative, or a fragment."""
    return f'<a href="{escaped(address)}">{escaped(text)}</a>'


def _head(title: str, generator: str, *, scripted: bool) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripted=scripted)}">'
    yield f'<meta name="generator" content="{escaped(generator)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    # Without it, a browser asks the server for /favicon.ico.
    yield '<link rel="icon" href="data:,">'
    yield f"<title>{escaped(title)}</title>"
    yield f"<style>{_shipped('style.css')}</style>"
    yield "</head>"


def _trail(trail: Sequence[tuple[str, str]]) -> Iterator[str]:
    if trail:
        steps = "".join(f"<li>{link(text, address)}</li>" for text, address in trail)
        yield f'<nav class="trail" aria-label="Where this page belongs"><ol>{steps}</ol></nav>'


@cache
def _policy(*, scripted: bool) -> str:
    allowed = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    if not scripted:
        return allowed
    digest = base64.b64encode(sha256(_shipped("script.js").encode()).digest()).decode()
    return f"{allowed}; script-src 'sha256-{digest}'"


def _script(data: Any) -> Iterator[str]:
    yield f'<script type="application/json" id="page-data">{_json(data)}</script>'
    yield f"<script>{_shipped('script.js')}</script>"


def _json(data: Any) -> str:
    """Return JSON that no text in it can leave: `<` is spelt out, so no tag can end the script."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


@cache
def _shipped(name: str) -> str:
    return files("harness.pages").joinpath(name).read_text(encoding="utf-8")
