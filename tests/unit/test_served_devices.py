"""What a device says of itself: a label that is safe anywhere, and no more than was told."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model import Column, Table
from harness.plugins import registry
from harness.suite.keys import NAME_LENGTH
from harness.transports.served.browser import with_agent
from harness.transports.served.device import checked_label, family_of, slug

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "name", "text"),
    [
        (SAFARI, "safari", "Safari/WebKit 18"),
        (
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
                "Gecko) Version/17.4.1 Safari/605.1.15"
            ),
            "safari",
            "Safari/WebKit 17",
        ),
        (
            # WebKitGTK calls itself Safari; it is not.
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                "Version/17.0 Safari/605.1.15"
            ),
            "webkit",
            "WebKit 17",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
                "like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1"
            ),
            "chrome-ios",
            "Chrome on iOS/WebKit 126",
        ),
        (
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
                "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36"
            ),
            "samsung-internet",
            "Samsung Internet/Chromium 25",
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
            ),
            "edge",
            "Edge/Chromium 130",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "firefox",
            "Firefox 128",
        ),
        (
            (
                "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/108.0.5359.211 Safari/537.36"
            ),
            "chrome",
            "Chrome/Chromium 108",
        ),
        ("curl/8.5", "unknown", "A browser that does not tell its name"),
        ("", "unknown", "A browser that does not tell its name"),
    ],
)
def test_a_browser_is_called_what_its_user_agent_tells(
    user_agent: str, name: str, text: str
) -> None:
    family = family_of(user_agent)
    assert (family.name, family.text) == (name, text)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_user_agent_puts_words_of_its_own_into_a_row(user_agent: str) -> None:
    family = family_of(user_agent)
    assert re.fullmatch(r"[\d.]*", family.version)
    assert family.title.isascii()


@pytest.mark.parametrize(
    "label", ["Kitchen iPad", "O'Neill's TV (55)", "Anna-Maria", "Küche", "电视", "a", "Pixel 9a+"]
)
def test_labels_as_people_give_them_are_taken(label: str) -> None:
    assert checked_label(f"  {label} ") == label
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug(label))


@pytest.mark.parametrize(
    "label",
    [
        "",
        " ",
        "=1+1",
        "-x",
        "@x",
        "+x",
        "a|b",
        "a\x1b[31m",
        "<b>x",
        "a`b",
        "a\u202eb",
        "a/b",
        "a*b",
        "x" * 41,
        "a&b",
        '"a"',
        "a\\b",
    ],
)
def test_labels_that_could_steer_anything_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="a label has"):
        checked_label(label)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=60))
def test_a_label_that_is_taken_is_plain_in_every_format(text: str) -> None:
    try:
        label = checked_label(text)
    except ValueError:
        return
    assert label.isprintable()
    assert not set(label) & set('<>&"`|*\\/=,;:[]{}#$~\n\r\t')
    assert label[0] not in "=+-@"
    assert 0 < len(slug(label)) <= 24
    assert len(f"web-tfjs@{slug(label)}") <= NAME_LENGTH


@pytest.mark.parametrize("name", registry("formats").names)
def test_the_longest_and_oddest_label_stands_in_every_format(name: str) -> None:
    label = checked_label("O'Neill's TV (55) a_b. + - c")
    device = f"Safari/WebKit 18 on {label} (served)"
    table = Table("t", "T", (Column("device", "device"), Column("n", "n")), ((device, "1"),))
    text = registry("formats").get(name).render([table])
    if name == "csv":
        assert any(device in row for row in csv.reader(io.StringIO(text)))
    else:
        assert "Safari" in text


@pytest.mark.parametrize(
    ("script", "served"),
    [
        ("var a = 1;", "var a = 1;"),
        ("var a = '</script>';", r"var a = '\x3C/script>';"),
        ("var a = '</SCRIPT >';", r"var a = '\x3C/SCRIPT >';"),
        ("var a = '<!--<script>';", r"var a = '\x3C!--<script>';"),
    ],
)
def test_an_init_script_cannot_end_its_own_element(script: str, served: str) -> None:
    page = b"<!doctype html><html><HEAD lang=en><script src=bench.js></script></head></html>"
    changed = with_agent(page, 'pl"ace', [script]).decode()
    head, _, rest = changed.partition("<HEAD lang=en>")
    assert head == "<!doctype html><html>"
    assert rest.startswith(f'<script>{served}\n</script><script src="/run_page.js"')
    assert 'data-place="pl&quot;ace"' in rest
