"""What a run left, as pages show it: its text scrubbed and escaped, or the reason why it is not."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from harness.pages.document import escaped, escaped_lines
from harness.report.scrubbing import Scrubber
from harness.report.site.published_results import Raw

MOST_CHARACTERS = 16_384


def raw_section(raw: Raw, digest: str, scrubber: Scrubber) -> Iterator[str]:
    """Give the section of a run's raw files; `digest` is that of its line."""
    yield '<section id="raw"><h2>Raw capture</h2>'
    if not raw.files:
        yield f"<p>{escaped(raw.absent)}</p></section>"
        return
    yield (
        '<p class="lead">What the tool or the page said itself, with paths shortened and private '
        "words left out, so that its bytes are not those of the result folder; each sha256 is that "
        "of the original.</p>"
    )
    if digest:
        yield f"<p>The run's line has this hash of them all: <code>{escaped(digest)}</code></p>"
    for name in sorted(raw.files):
        yield from _file(name, raw.files[name], scrubber)
    yield "</section>"


def _file(name: str, data: bytes, scrubber: Scrubber) -> Iterator[str]:
    shown = escaped(scrubber.text(name))
    told = f"{len(data)} bytes, sha256 {sha256(data).hexdigest()}"
    text = _text(data)
    if text is None:
        yield f"<p><strong>{shown}</strong>: not text, so not shown ({told})</p>"
        return
    # A private word may begin within the limit and end beyond it: scrub first, cut then.
    clean = scrubber.text(text[: 2 * MOST_CHARACTERS])
    yield f"<details><summary>{shown} <small>({told})</small></summary>"
    yield f'<pre tabindex="0">{escaped_lines(clean[:MOST_CHARACTERS])}</pre>'
    if len(text) > MOST_CHARACTERS:
        yield (
            f"<p>The first {MOST_CHARACTERS} of {len(text)} characters; the result folder has "
            "the rest.</p>"
        )
    yield "</details>"


def _text(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
