"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from unittest import mock

import pytest


def pytest_sessionstart() -> None:
    # A shell's background job is started with SIGINT ignored, and so would be every program that
    # the tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def no_waiting_for_the_disk() -> Iterator[None]:
    """Storage without its syncs, for tests of contents and of processes that are killed.

    What was written stands in the kernel's cache then; the order of syncs is tested by itself.
    """
    with mock.patch("os.fsync"), mock.patch("os.sync"):
        yield
