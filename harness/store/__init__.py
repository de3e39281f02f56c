"""The result folder: what is finished is on disk, and stays readable for ever.

A folder holds `suite.yaml` (as run), `session.json` (the plan and the place), `runs.jsonl`
(one line per attempt, appended and synced) and `raw/<run-id>/` (exactly what each run said).
"""

from harness.store.folder import Writer, create, find_folders, read, read_session, resume
from harness.store.records import SCHEMA

__all__ = ["SCHEMA", "Writer", "create", "find_folders", "read", "read_session", "resume"]
