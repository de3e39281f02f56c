"""`edgebench import LOG… --out DIR`: a result folder out of output that was captured elsewhere."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from harness import store
from harness.cli.folders import label_of, say_where, shown_command
from harness.cli.imported import Import, raw_name, runs_of, session_of, suite_text
from harness.cli.logs import read_logs
from harness.cli.printing import print_tables
from harness.errors import EXIT_FINDINGS, EXIT_OK, CompareError
from harness.model import Measured, ResultFolder
from harness.plugins import registry
from harness.report import tables
from harness.runner.provenance import harness_facts


def execute(arguments: argparse.Namespace) -> int:
    """Run the verb; returns 0 only when every option of every log was measured, and proved."""
    registry("formats").get(arguments.format or "terminal")
    logs = read_logs(arguments)
    told = Import(
        pass_=arguments.pass_,
        model=arguments.model or "",
        device=arguments.device or "",
        label=label_of(arguments.label),
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shown_command(),
        harness=harness_facts(),
    )
    runs = runs_of(logs, told)
    session = session_of(logs, runs, told)
    try:
        shown = tables.build([ResultFolder(str(arguments.out), session, runs)])
    except CompareError as error:
        raise CompareError(
            error.message,
            hint="import these logs into folders of their own, or tell them apart with --device",
        ) from error
    with store.create(arguments.out, session, suite_text(logs)) as writer:
        for number, log in enumerate(logs, start=1):
            writer.keep_raw(raw_name(number), log.files)
        for run in runs:
            writer.append(run)
    print_tables(shown, arguments.format)
    say_where(arguments.out, arguments.format)
    measured = all(isinstance(run.outcome, Measured) for run in runs)
    return EXIT_OK if measured else EXIT_FINDINGS
