"""Browsers that are too old to be measured: their engines have no Wasm SIMD."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import TargetUnfit

# As https://webassembly.org/features/ lists them; WebKitGTK by the release of the same engine.
OLDEST: Mapping[str, tuple[int, ...]] = {
    "chromium": (91,),
    "chrome": (91,),
    "edge": (91,),
    "chrome-android": (91,),
    "firefox": (89,),
    "safari": (16, 4),
    "webkitgtk": (2, 40),
}
"""Browser → the first version with Wasm SIMD."""


def check_age(name: str, version: str) -> None:
    """Refuse a browser of a version that is known to be too old; what is not known may try.

    Raises:
        TargetUnfit: browser-too-old.
    """
    numbers = tuple(int(part) for part in re.findall(r"\d+", version))
    oldest = OLDEST.get(name)
    if oldest is not None and numbers and numbers < oldest:
        raise TargetUnfit(
            f"{name} {version} is too old: Wasm SIMD came with {'.'.join(map(str, oldest))}",
            hint="update the browser, or name another one in the suite",
            kind="browser-too-old",
        )
