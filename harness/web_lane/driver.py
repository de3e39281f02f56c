"""What all drivers of the web lane answer alike; each says which runtime it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from harness.errors import TargetNotFound
from harness.model import Capture, Reading
from harness.options import Options
from harness.plugins import API_VERSION, ModelFormat, Session, TargetSpec
from harness.web_lane.isolation import why_no_threads
from harness.web_lane.options import SERVED, BrowserKeys
from harness.web_lane.packages import Runtime, kept_files, modules_in
from harness.web_lane.reading import PASSES, read_capture
from harness.web_lane.runtime import PageRuntime, RuntimeReading


class WebDriver(ABC):
    """A runtime in a browser; see `harness.plugins.Driver`."""

    name: ClassVar[str]
    api_version = API_VERSION
    model_format: ClassVar[ModelFormat]
    target_options: ClassVar[type[Options]] = BrowserKeys
    variant_options: ClassVar[type[Options]]
    reading: ClassVar[RuntimeReading]
    passes = PASSES
    workloads = False

    @abstractmethod
    def installed(self, root: Path | None = None) -> PageRuntime:
        """Return the runtime as it is installed, in `root` or where npm puts it.

        Raises:
            TargetNotFound: it is not.
        """

    def runtimes(self) -> tuple[Runtime, ...]:
        """Return what npm installs of it: the first must be there; none where it cannot be kept."""
        return ()

    def runtime_files(self) -> Mapping[str, Path]:
        """Return the files that npm installed of it, by their path as they are kept.

        Raises:
            TargetNotFound: it is not installed.
        """
        files: dict[str, Path] = {}
        for runtime in self.runtimes():
            try:
                files |= kept_files(runtime)
            except TargetNotFound:
                # What comes after the first is installed apart, or not at all.
                if not files:
                    raise
        return files

    def bench(self, options: Any) -> str:
        """Return the bench: this host, the phone that the browser is on, or one that came."""
        placed: BrowserKeys = options
        return SERVED if placed.browser == SERVED else placed.bench

    def is_virtual(self, options: Any) -> bool:
        """Tell whether the browser is the real thing, in the place of Chrome on a phone."""
        return bool(options.device == "virtual")

    def unsupported(self, options: Any, variant: Any) -> str:
        """Say why threads are known not to work; all else is found out by running it."""
        return why_no_threads(options) if self.needs_isolation(variant) else ""

    def needs_isolation(self, variant: Any) -> bool:
        """Tell whether a variant shares memory among threads, which isolated pages alone may do.

        A build for threads has them even where it is told to use one.
        """
        return getattr(variant, "threads", None) is not None

    def open(self, target: TargetSpec) -> Session:
        """Find the browser and the runtime, and start the browser once to see that it can.

        Raises:
            TargetNotFound: browser-missing, or the runtime is not installed.
            TargetUnfit: the browser does not start, or an init script cannot be read.
        """
        from harness.web_lane.session import open_session

        return open_session(target, self.installed(modules_in(target.runtime)))

    def read(self, capture: Capture) -> Reading:
        """Turn a run's files into its outcome; pure.

        Raises:
            OutputUnreadable: they are not what the session and the page write.
        """
        return read_capture(capture, self.reading)
