"""JUnit XML, for CI systems: a test case per cell, with what failed or was skipped and why.

Format: the schema that Jenkins' xunit plug-in publishes (junit-10.xsd), which most readers take.
A cell's `time` is how long its runs took in all, in seconds; what was measured is a property.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from harness.model import Failed, Skipped
from harness.report.exports.cells import Exported
from harness.report.outcome_words import why
from harness.report.summary import CellSummary
from harness.report.xml_text import xml_text


def render(cells: Sequence[Exported]) -> str:
    """Return the document: a suite per target."""
    root = ET.Element("testsuites", name="edgebench")
    suites: dict[str, list[Exported]] = {}
    for each in cells:
        suites.setdefault(each.cell.cell.target, []).append(each)
    for target, members in suites.items():
        cases = [_case(target, each) for each in members]
        counts = {
            "tests": len(cases),
            "failures": sum(case.find("failure") is not None for case in cases),
            "errors": 0,
            "skipped": sum(case.find("skipped") is not None for case in cases),
        }
        told = {key: str(value) for key, value in counts.items()}
        suite = ET.SubElement(root, "testsuite", {"name": xml_text(target), **told})
        suite.extend(cases)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(target: str, each: Exported) -> ET.Element:
    cell = each.cell
    took = sum(run.duration_s for run in cell.latency.runs)
    named = {"name": xml_text(each.name), "classname": xml_text(target), "time": f"{took:.3f}"}
    case = ET.Element("testcase", named)
    properties = ET.SubElement(case, "properties")
    for name, metric in each.numbers:
        ET.SubElement(properties, "property", name=name, value=repr(metric.median))
    _trouble(case, cell)
    return case


def _trouble(case: ET.Element, cell: CellSummary) -> None:
    troubled = [
        run.outcome for run in cell.latency.troubled if isinstance(run.outcome, Failed | Skipped)
    ]
    if cell.time and not any(isinstance(outcome, Failed) for outcome in troubled):
        return
    if not troubled:
        ET.SubElement(case, "skipped", message="not run: the session ended before")
        return
    outcome = next((each for each in troubled if isinstance(each, Failed)), troubled[-1])
    failure = outcome.failure
    message = xml_text(why(failure))
    if isinstance(outcome, Failed):
        node = ET.SubElement(case, "failure", message=message, type=xml_text(failure.kind))
        node.text = xml_text(f"next step: {failure.hint}")
    else:
        ET.SubElement(case, "skipped", message=message)
