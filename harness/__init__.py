"""edgebench: one suite, phones and browsers, one table that proves what ran.

`harness.read(folder)` opens results in a notebook: `.to_pandas()`, `.tables()`, `.runs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from harness.report.results import Results

__all__ = ["read"]


def read(*folders: str | os.PathLike[str]) -> Results:
    """Return the results at or below the given paths.

    Raises:
        StoreError: a path holds no result folder, or one is damaged.
    """
    from pathlib import Path

    from harness import store
    from harness.report.results import Results

    found = store.find_folders(Path(folder) for folder in folders)
    return Results(tuple(store.read(path) for path in found))


def __getattr__(name: str) -> str:
    # Looked up when asked for: reading package metadata would slow every start.
    if name == "__version__":
        from importlib import metadata

        return metadata.version("edgebench")
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
