"""Results as a notebook wants them: folders that were read, with their frame and their tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import CompareError
from harness.model import Cell, ResultFolder, RunResult, SessionRecord, Table
from harness.report import tables

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Results:
    """One or more result folders."""

    folders: tuple[ResultFolder, ...]

    @property
    def sessions(self) -> tuple[SessionRecord, ...]:
        """The plan of each folder."""
        return tuple(folder.session for folder in self.folders)

    @property
    def session(self) -> SessionRecord:
        """The plan of the only folder.

        Raises:
            CompareError: there are several.
        """
        if len(self.folders) != 1:
            raise CompareError(
                f"these results are of {len(self.folders)} sessions",
                hint="use .sessions, or read one folder",
            )
        return self.folders[0].session

    @property
    def runs(self) -> tuple[RunResult, ...]:
        """Every attempt at every run, in the order of the files."""
        return tuple(run for folder in self.folders for run in folder.runs)

    def to_pandas(self) -> pd.DataFrame:
        """Return a tidy frame, one row per run and measurement; see `harness.report.frame`."""
        from harness.report.frame import to_pandas

        return to_pandas(self.folders)

    def tables(self, only: Callable[[Cell], bool] | None = None) -> tuple[Table, ...]:
        """Return the finished tables, of all cells or of those that `only` chooses.

        Raises:
            CompareError: the runs of one cell were measured under different settings.
        """
        return tables.build(self.folders, only)
