"""Every verb with its arguments; importing this imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from harness.cli.argument_parts import Verbs, add_format, add_only, add_verb, natural, positive
from harness.cli.digest_arguments import digest_verbs
from harness.cli.gate_arguments import LAST_GOOD, add_against, add_decisions
from harness.cli.history_arguments import history_verbs
from harness.cli.lineage_arguments import backfill_verb, lineage_verbs
from harness.cli.result_arguments import publishing_verbs, reading_verbs
from harness.cli.shard_arguments import add_shard, merging_verb

DESCRIPTION = """\
One YAML suite, two lanes (phones over adb, browsers over Playwright), one table.
A number appears only if it is proved what ran; anything else is a row that says why not."""

EPILOGUE = """\
exit codes: 0 all measured · 1 a failed cell or a missing device · 2 your input ·
3 nothing could run · 4 the result folder · 5 not comparable · 70 a bug · 130 interrupted"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line; exits with 2 and a usage line when it is not understood."""
    return _parser().parse_args(argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgebench",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = metadata.version("edgebench")
    parser.add_argument("--version", action="version", version=f"edgebench {version}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _measuring_verbs(verbs)
    _selftest_verb(verbs)
    _suite_verbs(verbs)
    reading_verbs(verbs)
    publishing_verbs(verbs)
    merging_verb(verbs)
    history_verbs(verbs)
    digest_verbs(verbs)
    lineage_verbs(verbs)
    _planning_verbs(verbs)
    _log_verbs(verbs)
    _listing_verbs(verbs)
    return parser


def _measuring_verbs(verbs: Verbs) -> None:
    run = add_verb(verbs, "run", "run", "measure a suite and print its tables")
    _add_suite(run)
    _add_plan_options(run)
    _add_devices(run)
    _add_where_and_progress(run)
    add_shard(run)
    run.add_argument("--resume", type=Path, metavar="DIR", help="make only DIR's missing runs")
    run.add_argument("--dry-run", action="store_true", help="print the plan and measure nothing")
    add_format(run)
    _serving_verb(verbs)
    backfill = backfill_verb(verbs)
    _add_plan_options(backfill)
    _add_devices(backfill)
    _add_where_and_progress(backfill)
    plan = add_verb(verbs, "plan", "plan", "show what would run, in which order, about how long")
    _add_suite(plan)
    _add_plan_options(plan)
    add_shard(plan)
    _add_devices(plan)
    add_against(plan)
    add_format(plan)
    _gate_verb(verbs)


def _gate_verb(verbs: Verbs) -> None:
    text = "measure a suite beside its last good build, and tell what regressed"
    gate = add_verb(verbs, "gate", "gate", text)
    _add_suite(gate)
    add_against(gate, LAST_GOOD)
    add_decisions(gate)
    _add_plan_options(gate)
    _add_devices(gate)
    _add_where_and_progress(gate)
    add_format(gate)


def _serving_verb(verbs: Verbs) -> None:
    serve = add_verb(
        verbs, "serve", "serve", "measure a suite in whichever browser opens the printed address"
    )
    _add_suite(serve)
    _add_plan_options(serve)
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="an address or name of this machine that the device reaches (default: this host only)",
    )
    serve.add_argument(
        "--port", type=_port, default=0, metavar="N", help="(default: one that is free)"
    )
    serve.add_argument(
        "--tls", action="store_true", help="make a certificate for this session; threads need TLS"
    )
    serve.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="a certificate of yours, with its chain"
    )
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    _add_where_and_progress(serve, named_by_default="the device")
    serve.add_argument("--resume", type=Path, metavar="DIR", help="make only DIR's missing runs")
    add_format(serve)


def _selftest_verb(verbs: Verbs) -> None:
    text = "measure identical variants against each other: how far this machine can be believed"
    verb = add_verb(verbs, "selftest", "selftest", text)
    verb.add_argument(
        "--on",
        default="chromium",
        metavar="BROWSER",
        help="a browser, or `virtual` for LiteRT on this host (default: chromium)",
    )
    verb.add_argument(
        "--model", default="blazeface_front", metavar="NAME", help="see `edgebench models`"
    )
    verb.add_argument(
        "--variants",
        type=_from_to(2, 26),
        default=4,
        metavar="N",
        help="how many identical ones (default: 4, which are 6 pairs)",
    )
    verb.add_argument(
        "--blocks",
        type=_from_to(6, 1000),
        default=10,
        metavar="N",
        help="of each comparison, as in your suites (default: 10, at least 6)",
    )
    verb.add_argument(
        "--rounds",
        type=positive,
        default=3,
        metavar="N",
        help="how often all pairs are compared (default: 3)",
    )
    verb.add_argument(
        "--minutes", type=positive, metavar="N", help="only as many rounds as fit into this time"
    )
    verb.add_argument(
        "--seed", type=natural, default=1, metavar="N", help="draws the order of runs"
    )
    verb.add_argument(
        "--of", type=Path, metavar="DIR", help="tell of an earlier one's folder; measure nothing"
    )
    _add_where_and_progress(verb)
    add_format(verb)
    verb.set_defaults(only=[], devices=None, until=None, resume=None)


def _suite_verbs(verbs: Verbs) -> None:
    validate = add_verb(verbs, "validate", "validate", "check suites and list every mistake")
    validate.add_argument("suites", nargs="+", type=Path, metavar="SUITE")
    _add_devices(validate)
    validate.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_verb(verbs, "schema", "schema", "print the JSON Schema of suites, for editors")
    lock = add_verb(verbs, "lock", "lock", "fetch, hash and pin a suite's models and tools")
    _add_suite(lock)
    add_format(lock)


def _planning_verbs(verbs: Verbs) -> None:
    memory = add_verb(verbs, "memory", "memory", "plan the memory of tensors by every strategy")
    memory.add_argument(
        "models", nargs="*", default=[], type=Path, metavar="MODEL", help="a .tflite file"
    )
    memory.add_argument(
        "--input-shape",
        action="append",
        default=[],
        metavar="NAME=1,224,224,3",
        help="resize an input; needs LiteRT",
    )
    memory.add_argument(
        "--arena",
        choices=("tflite", "intermediates"),
        default="tflite",
        help="plan TFLite's arena with inputs, outputs and sharing in place, or without them",
    )
    memory.add_argument(
        "--no-interpreter", action="store_true", help="measure no interpreter on this host"
    )
    memory.add_argument(
        "--results",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="set what devices took beside the plan, where the model is the same file",
    )
    memory.add_argument(
        "--map", type=Path, metavar="FILE.svg", help="draw the plan: time across, offsets up"
    )
    memory.add_argument(
        "--records",
        action="append",
        default=[],
        type=Path,
        metavar="IN.csv",
        help="tensors as MiniMalloc's CSV: id,lower,upper,size",
    )
    memory.add_argument(
        "--write-records", type=Path, metavar="OUT.csv", help="write the tensors as such a CSV"
    )
    add_format(memory)


def _log_verbs(verbs: Verbs) -> None:
    reading = add_verb(verbs, "parse", "parse", "read the tool's output captured anywhere")
    _add_logs(reading)
    shape = reading.add_mutually_exclusive_group()
    shape.add_argument("--format", metavar="NAME", help="see `edgebench formats`")
    shape.add_argument(
        "--json", action="store_true", help="one object per option: docs/reading-logs.md"
    )
    imported = add_verb(verbs, "import", "import_logs", "turn such output into a result folder")
    _add_logs(imported)
    imported.add_argument("--out", type=Path, metavar="DIR", required=True, help="the new folder")
    imported.add_argument("--model", metavar="NAME", help="instead of the file that a log names")
    imported.add_argument("--device", metavar="NAME", help="where the logs were measured")
    imported.add_argument(
        "--pass",
        dest="pass_",
        choices=("latency", "memory"),
        default="latency",
        help="what these runs were for: a run counts for one of the two (default: latency)",
    )
    imported.add_argument("--label", metavar="TEXT", help="names this machine")
    add_format(imported)


def _add_logs(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "logs", nargs="+", metavar="LOG", help="text, a JSON capture or an Android log; - is stdin"
    )
    verb.add_argument("--stderr", type=Path, metavar="FILE", help="the log's other stream")
    verb.add_argument(
        "--exit-code",
        type=natural,
        metavar="N",
        help="how the run ended (128 + N for a signal); without it no figure is proved",
    )
    verb.add_argument(
        "--result-file", type=Path, metavar="FILE", help="what --result_file_path wrote"
    )
    verb.add_argument("--pid", type=positive, metavar="N", help="the process in an Android log")


def _listing_verbs(verbs: Verbs) -> None:
    doctor = add_verb(verbs, "doctor", "doctor", "list every part: found or not, and what mends it")
    add_format(doctor)
    devices = add_verb(verbs, "devices", "devices", "list the phones, and what each of them needs")
    _add_devices(devices)
    devices.add_argument(
        "--serials", action="store_true", help="show whole serials, which name their owners"
    )
    add_format(devices)
    below = devices.add_subparsers(title="verbs", metavar="VERB")
    restore = add_verb(below, "restore", "restore", "give a phone back its settings and clocks")
    restore.add_argument("phone", metavar="PHONE", help="its alias in devices.yaml, or its serial")
    add_format(restore)
    models = add_verb(verbs, "models", "models", "list the networks that can be generated")
    models.add_argument("network", nargs="?", metavar="NETWORK", help="only this one")
    models.add_argument(
        "settings",
        nargs="*",
        default=[],
        metavar="OPTION=VALUE",
        help="count it with these options",
    )
    add_format(models)
    for name in ("drivers", "formats"):
        listing = add_verb(verbs, name, "plugins", f"list the {name} that are installed")
        listing.set_defaults(kind=name)
        add_format(listing)


def _add_where_and_progress(
    verb: argparse.ArgumentParser, named_by_default: str = "a short hash"
) -> None:
    verb.add_argument(
        "--out", type=Path, metavar="DIR", help="the result folder (default: under results/)"
    )
    verb.add_argument(
        "--label", metavar="TEXT", help=f"names this machine (default: {named_by_default})"
    )
    verb.add_argument(
        "--progress",
        choices=("auto", "live", "lines", "json", "quiet"),
        default="auto",
        help="what stderr shows meanwhile (default: live on a terminal, else lines)",
    )
    verb.add_argument(
        "--quiet", action="store_const", dest="progress", const="quiet", help="show none of it"
    )


def _add_suite(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("suite", type=Path, metavar="SUITE", help="a suite file, such as x.yaml")


def _add_plan_options(verb: argparse.ArgumentParser) -> None:
    add_only(verb)
    verb.add_argument(
        "--until", type=_time_of_day, metavar="HH:MM", help="instead of the suite's local time"
    )
    verb.add_argument("--blocks", type=positive, metavar="N", help="instead of the suite's")
    verb.add_argument("--seed", type=natural, metavar="N", help="instead of the suite's")


def _add_devices(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--devices",
        type=Path,
        metavar="FILE",
        help="the lab's phones (default: $EDGEBENCH_DEVICES, devices.yaml here, or the user's)",
    )


def _time_of_day(text: str) -> str:
    hours, colon, minutes = text.partition(":")
    digits = hours.isdecimal() and minutes.isdecimal() and len(hours) == len(minutes) == 2
    if not colon or not digits or int(hours) > 23 or int(minutes) > 59:
        message = f"expected a time of day such as 06:30, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return text


def _port(text: str) -> int:
    number = natural(text)
    if number > 65535:
        raise argparse.ArgumentTypeError("must be at most 65535")
    return number


def _from_to(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        found = natural(text)
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
        return found

    return number
