"""docs/suite-reference.md is what the code says, to the letter."""

from __future__ import annotations

from pathlib import Path

import suite_fakes

from harness.plugins import Kind, Registry
from harness.suite.reference import reference_markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "suite-reference.md"
WRITE_ANEW = (
    'python -c "from pathlib import Path; from harness.suite.reference import reference_markdown; '
    "Path('docs/suite-reference.md').write_text(reference_markdown(), encoding='utf-8')\""
)


def test_the_suite_reference_is_current() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == reference_markdown(), f"write it anew: {WRITE_ANEW}"


def test_it_names_every_key_of_every_driver() -> None:
    text = reference_markdown(plugins=suite_fakes.plugins)
    for key in ("browser", "device", "wasm", "threads", "xnnpack", "warmup.seconds", "sha256"):
        assert f"| `{key}` |" in text


def test_a_strangers_driver_on_this_machine_does_not_change_it() -> None:
    def with_stranger(kind: Kind) -> Registry:
        found = suite_fakes.plugins(kind)
        extra = {"stranger": lambda: None}
        return Registry(
            kind, {**found.sources, **extra}, {**found.origins, "stranger": "elsewhere:PLUGIN"}
        )

    assert reference_markdown(plugins=with_stranger) == reference_markdown(
        plugins=suite_fakes.plugins
    )


def test_its_tables_are_tables() -> None:
    for line in reference_markdown(plugins=suite_fakes.plugins).splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") == 5
