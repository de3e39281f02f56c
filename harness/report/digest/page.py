"""A digest as a page of at most forty lines, for a terminal or in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.counted import counted
from harness.model import Cell, Scalar
from harness.report.digest.devices import day
from harness.report.digest.fitting import Block, Line, Part, Section, fitted
from harness.report.digest.values import (
    Change,
    DeviceSeen,
    Digest,
    Finding,
    LaneHours,
    SessionDigest,
    Unreadable,
)
from harness.report.numbers import Scale, scale_for
from harness.table_text.markdown import in_markdown
from harness.table_text.visible import visible

_TOLD = 120
_NEXT_STEP = 240
_NAMED = 3
_HASH = 12
_TIMES = (Scale("s", 1.0), Scale("min", 60.0), Scale("h", 3600.0))
_WORST_DEVICES_FIRST = ("missing", "lost", "gone", "not tried", "present")


def terminal(digest: Digest) -> str:
    """Return the page as indented text; whatever would steer a terminal is spelt out."""
    lines = (f"{'  ' * line.depth}{visible(line.text)}" for line in page(digest))
    return "".join(f"{line}\n" for line in lines)


def markdown(digest: Digest) -> str:
    """Return the page as headings and lists; names in it stay names."""
    return "".join(f"{_in_markdown(line)}\n" for line in page(digest))


def page(digest: Digest) -> tuple[Line, ...]:
    """Return at most forty lines, the red things first."""
    sessions = sorted(digest.sessions, key=lambda session: not session.red)
    parts = [*map(_unreadable, digest.unreadable), *map(_part, sessions)]
    head = [_head(digest)] if len(parts) != 1 else []
    return fitted(head, parts)


def _head(digest: Digest) -> Line:
    red = sum(session.red for session in digest.sessions) + len(digest.unreadable)
    whole = counted(len(digest.sessions) + len(digest.unreadable), "session")
    return Line(0, f"Digest of {whole}: {f'{red} RED' if red else 'all green'}")


def _unreadable(folder: Unreadable) -> Part:
    headline = Line(0, _clipped(f"{folder.folder}: RED, cannot be read", _TOLD))
    sections = (Section(Line(1, _clipped(folder.why, _TOLD))), Section(_next(folder.next_step, 1)))
    return Part(headline, sections, headline)


def _part(session: SessionDigest) -> Part:
    red = [finding for finding in session.findings if finding.red]
    watched = [finding for finding in session.findings if not finding.red]
    sections = [_devices(session.devices), Section(Line(1, _verdicts(session)))]
    if red:
        sections.append(_findings("wrong", red))
    if watched:
        sections.append(_findings("to watch", watched))
    sections += [_hours(session.lanes), _changes(session)]
    sections.append(Section(Line(1, _clipped(f"folder: {session.folder}", _NEXT_STEP))))
    headline = (
        f"{session.suite}: {'RED' if session.red else 'green'}, session of "
        f"{day(session.started_utc)} UTC by {session.label}, {session.complete} of "
        f"{counted(session.cells, 'cell')} complete"
    )
    short = _in_short(session, red)
    return Part(Line(0, _clipped(headline, _TOLD)), tuple(sections), short, calm=not session.red)


def _in_short(session: SessionDigest, red: Sequence[Finding]) -> Line:
    wrong = f" ({_counts(finding.trouble for finding in red)})" if red else ""
    text = (
        f"{session.suite}: {'RED' if session.red else 'green'}{wrong}, {session.complete} of "
        f"{counted(session.cells, 'cell')} complete, {_time(_measuring(session.lanes))}"
    )
    return Line(0, _clipped(text, _TOLD))


def _devices(devices: Sequence[DeviceSeen]) -> Section:
    states = _counts(device.state for device in devices) or "none"
    ordered = sorted(devices, key=lambda device: _WORST_DEVICES_FIRST.index(device.state))
    return Section(Line(1, f"devices: {states}"), tuple((_device(each),) for each in ordered))


def _device(device: DeviceSeen) -> Line:
    named = f": {device.device}" if device.device else ""
    text = f"{device.state}: {device.target} ({device.bench}){named}"
    if device.last_seen_utc:
        text += f", last seen {day(device.last_seen_utc)}"
    return Line(2, _clipped(f"{text}, {device.why}" if device.why else text, _TOLD))


def _verdicts(session: SessionDigest) -> str:
    found = session.verdicts
    if found is None:
        return f"no gate: {session.measured} of {counted(session.runs, 'run')} measured"
    counts = ", ".join(f"{number} {verdict}" for verdict, number in found.counts.items())
    first = "first night, " if found.first_night else ""
    moved = "last good moved here" if found.moved else "last good stays"
    why = f": {found.why_not_moved}" if found.why_not_moved else ""
    green = "green" if found.green else "not green"
    return _clipped(f"gate: {first}{green}, {counts or 'nothing judged'}; {moved}{why}", _TOLD)


def _findings(title: str, findings: Sequence[Finding]) -> Section:
    text = f"{title}: {_counts(finding.trouble for finding in findings)}"
    blocks = tuple(_finding(finding) for finding in findings)
    return Section(Line(1, _clipped(text, _TOLD)), blocks)


def _finding(finding: Finding) -> Block:
    where = f" {_cells(finding.cells, finding.target)}" if finding.cells or finding.target else ""
    runs = f" ({counted(finding.runs, 'run')})" if finding.runs else ""
    why = f": {finding.why}" if finding.why else ""
    told = Line(2, _clipped(f"{finding.trouble}{where}{runs}{why}", _TOLD))
    return (told, _next(finding.next_step, 3))


def _next(step: str, depth: int) -> Line:
    return Line(depth, _clipped(f"next: {step}", _NEXT_STEP))


def _cells(cells: Sequence[Cell], target: str) -> str:
    if not cells:
        return target
    if len(cells) > _NAMED:
        first = cells[0]
        place = f"{first.model}/{first.file} {first.variant}"
        return f"{target}, {counted(len(cells), 'cell')}, first {place}".strip(" ,")
    if not target:
        return ", ".join(cell.label for cell in cells)
    return f"{target}, {', '.join(f'{each.model}/{each.file} {each.variant}' for each in cells)}"


def _hours(lanes: Sequence[LaneHours]) -> Section:
    whole = f"{_time(_measuring(lanes))} on {counted(len(lanes), 'lane')}"
    blocks = tuple((_lane(lane),) for lane in lanes)
    return Section(Line(1, f"hours: {whole}"), blocks)


def _lane(lane: LaneHours) -> Line:
    text = (
        f"{lane.bench}: {_time(lane.measuring_s)} measuring of {_time(lane.span_s)}, "
        f"{counted(lane.runs, 'run')} on {', '.join(lane.targets)}"
    )
    return Line(2, _clipped(text, _TOLD))


def _measuring(lanes: Sequence[LaneHours]) -> float:
    return sum(lane.measuring_s for lane in lanes)


def _time(seconds: float) -> str:
    scale = scale_for((seconds,), _TIMES) if seconds >= 1 else _TIMES[0]
    return f"{scale.text(seconds)} {scale.unit}"


def _changes(session: SessionDigest) -> Section:
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for change in session.changes:
        groups.setdefault((change.since, change.factor, change.bench), []).append(change)
    if groups:
        title = f"environment changed: {', '.join(dict.fromkeys(key[1] for key in groups))}"
    elif session.compared_with:
        before = day(session.compared_with_started_utc)
        title = f"environment: nothing known changed since the session of {before}"
    else:
        title = "environment: no earlier session to compare with"
    blocks = tuple((_change(*key, own),) for key, own in groups.items())
    return Section(Line(1, _clipped(title, _TOLD)), blocks)


def _change(since: str, factor: str, bench: str, changes: Sequence[Change]) -> Line:
    facts = "; ".join(f"{each.fact} {_value(each.before)} → {_value(each.now)}" for each in changes)
    targets = ", ".join(dict.fromkeys(name for each in changes for name in each.targets))
    where = f"{bench} ({targets})" if targets else bench
    when = since if not since[:1].isdecimal() else day(since)
    note = ", not comparable with before" if factor == "setting" else ""
    return Line(2, _clipped(f"{factor} on {where} since {when}{note}: {facts}", _TOLD))


def _value(value: Scalar) -> str:
    text = str(value)
    # Of a hash the first digits are enough to tell it; JSON has it whole.
    return text[:_HASH] if len(text) == 64 and text.isalnum() else text


def _counts(words: Iterable[str]) -> str:
    return ", ".join(f"{number} {word}" for word, number in Counter(words).items())


def _clipped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _in_markdown(line: Line) -> str:
    text = in_markdown(line.text)
    return f"### {text}" if line.depth == 0 else f"{'  ' * (line.depth - 1)}- {text}"
