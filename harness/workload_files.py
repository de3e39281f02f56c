"""A workload as files on this disk: its module, and the assets that the suite names beside it."""

from __future__ import annotations

from hashlib import file_digest, sha256
from pathlib import Path

from harness.errors import SuiteError
from harness.plugins import Workload
from harness.suite.values import WorkloadSource


def found_workload(source: WorkloadSource) -> Workload:
    """Return a workload with its hash.

    Raises:
        SuiteError: the module or an asset is not there or cannot be read.
    """
    files = {source.module.name: source.module}
    files |= {name: source.module.parent / name for name in source.assets}
    digests = [f"{name} {_sha256(path)}" for name, path in files.items()]
    return Workload(
        files=files,
        sha256=sha256("\n".join(digests).encode()).hexdigest(),
        options=source.options,
        frames_per_second=source.frames_per_second,
        schedule_s=source.schedule_s,
    )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SuiteError(
            f"a file of the workload cannot be read: {error.strerror}",
            where=str(path),
            hint="correct `workload:` in the suite; assets count from the module's folder",
        ) from error
