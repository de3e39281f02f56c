"""The error tree: every failure names what is wrong, where, and what to do next.

    HarnessError
    ├── SuiteError        the user's input is wrong                        exit 2
    ├── PluginError       a plug-in is missing, broken or claimed twice    exit 2
    ├── TargetError       a place to run cannot be used
    │   ├── TargetNotFound    it is not there
    │   ├── TargetLost        it was there and went away
    │   └── TargetUnfit       it is there and cannot do what was asked
    ├── RunError          one run gave no numbers
    │   ├── RunFailed         it ended badly
    │   ├── RunTimedOut       it did not end
    │   └── OutputUnreadable  it ended, and what it said is not understood
    ├── StoreError        the result folder cannot be read or written      exit 4
    └── CompareError      results that must not be compared                exit 5

Foreign errors are translated into these at the door of each foreign library.
Anything else that escapes is a bug of ours (exit 70).
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_INPUT = 2
EXIT_NOTHING_RAN = 3
EXIT_STORE = 4
EXIT_NOT_COMPARABLE = 5
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class HarnessError(Exception):
    """A failure that a person can act on."""

    exit_code = EXIT_FINDINGS
    kind = "error"

    def __init__(self, message: str, *, hint: str, where: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where
        if kind:
            self.kind = kind

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class SuiteError(HarnessError):
    """What the user wrote or named is wrong."""

    exit_code = EXIT_INPUT
    kind = "suite"


class PluginError(HarnessError):
    """A plug-in is missing, broken, or its name is claimed twice."""

    exit_code = EXIT_INPUT
    kind = "plugin"


class TargetError(HarnessError):
    """A place to run cannot be used."""

    kind = "target"


class TargetNotFound(TargetError):
    """The target is not there."""

    kind = "target-not-found"


class TargetLost(TargetError):
    """The target was there and went away."""

    kind = "target-lost"


class TargetUnfit(TargetError):
    """The target is there and cannot do what was asked."""

    kind = "target-unfit"


class RunError(HarnessError):
    """One run gave no numbers."""

    kind = "run"


class RunFailed(RunError):
    """The run ended badly; `kind` names the class of failure."""

    kind = "run-failed"


class RunTimedOut(RunError):
    """The run did not end within its deadline."""

    kind = "timed-out"


class OutputUnreadable(RunError):
    """The run ended, and what it said is not understood."""

    kind = "unreadable-output"


class StoreError(HarnessError):
    """The result folder cannot be read or written."""

    exit_code = EXIT_STORE
    kind = "store"


class CompareError(HarnessError):
    """Results that must not be compared; the message names the facts that differ."""

    exit_code = EXIT_NOT_COMPARABLE
    kind = "not-comparable"
