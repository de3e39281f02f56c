"""What leaves this machine: texts without the paths that say whose it is.

Results name machines by a label and phones by a hash already; what may still hold a path is the
message of an error. Of an absolute path only the last part stays, of a home folder nothing. Paths
that every Android or Linux has say nothing of anyone and stay.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath

from harness.model import Figure, ResultFolder, Table, TableValue

_PART = r"[^\s/\\'\"`<>|:;,()\[\]{}]+"
_EVERYWHERE = r"(?:data/local/tmp|dev|proc|sys|system|vendor)(?![\w-])"
# A user's name may have a space in it, which ends a path everywhere else.
_HOME = re.compile(
    rf"/(?:home|Users)/(?:[^/\n'\":;,]+(?=/)|{_PART})|/root(?![\w-])|[A-Za-z]:\\Users\\[^\\\n'\"]+"
)
_PATH = re.compile(
    rf"(?<![\w/.…)\]}}])(?:file://)?(?:~|(?:(?<!:)/)?/(?!/)(?!{_EVERYWHERE}){_PART})(?:/({_PART}))+"
    rf"|(?<!\w)(?:[A-Za-z]:|~)(?:\\{_PART})*\\({_PART})"
)


def without_paths(text: str) -> str:
    """Return a text in which `…/name` stands for every absolute path, `~` for a home folder."""
    return _PATH.sub(lambda path: f"…/{path[1] or path[2]}", _HOME.sub("~", text))


def published_folders(folders: Sequence[ResultFolder]) -> list[ResultFolder]:
    """Return folders whose paths begin below the folder that they share."""
    if not folders:
        return []
    absolute = [os.path.abspath(folder.path) for folder in folders]  # noqa: PTH100  no disk access
    top = os.path.commonpath([os.path.dirname(path) for path in absolute])  # noqa: PTH120  the same
    return [
        replace(folder, path=PurePath(path).relative_to(top).as_posix())
        for folder, path in zip(folders, absolute, strict=True)
    ]


def published_table(table: Table) -> Table:
    """Return a table without paths in any of its texts."""
    return cleaned_table(table, without_paths)


def cleaned_table(table: Table, clean: Callable[[str], str]) -> Table:
    """Return a table with each of its texts cleaned."""
    return replace(
        table,
        title=clean(table.title),
        section=clean(table.section),
        columns=tuple(replace(each, header=clean(each.header)) for each in table.columns),
        rows=tuple(tuple(_value(value, clean) for value in row) for row in table.rows),
        notes=tuple(map(clean, table.notes)),
    )


def _value(value: TableValue, clean: Callable[[str], str]) -> TableValue:
    if isinstance(value, Figure):
        text = clean(value.text)
        return value if text == value.text else replace(value, text=text)
    return value if value is None else clean(value)
