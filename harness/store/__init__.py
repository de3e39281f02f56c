"""The result folder: what is finished is on disk, and stays readable for ever.

A folder holds `suite.yaml` (as run), `session.json` (the plan and the place), `runs.jsonl`
(one line per attempt, appended and synced), `raw/<run-id>/` (exactly what each run said), where
something turned out to be wrong `marks.jsonl` (what runs used that is invalid), and for
suites with `plan_memory: true` `memory/<sha256>.json` (the tensors of each `.tflite` file).
"""

from harness.store.durable import write_atomically
from harness.store.folder import (
    Writer,
    create,
    find_folders,
    read,
    read_as_written,
    read_session,
    read_tensors,
    resume,
)
from harness.store.records import SCHEMA

__all__ = [
    "SCHEMA",
    "Writer",
    "create",
    "find_folders",
    "read",
    "read_as_written",
    "read_session",
    "read_tensors",
    "resume",
    "write_atomically",
]
