"""What holds for all tests."""

from __future__ import annotations

import signal


def pytest_sessionstart() -> None:
    # A shell's background job is started with SIGINT ignored, and so would be every program that
    # the tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
