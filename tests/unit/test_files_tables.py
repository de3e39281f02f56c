"""Files side by side, and delegates' shares: known numbers in, the exact rows out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from report_folders import DEVICE, failed, folder, memory, run, session, skipped, times

from harness.model import Cell, Figure, Outcome, Proof, ResultFolder, Table, TableValue
from harness.report import tables

MIB = 2**20
SIZES = {"fp32": 8 * MIB, "fp16": 4 * MIB, "int8": 2 * MIB}
DELEGATES = {"fp32": "90 of 90", "fp16": "164 of 164", "int8": "76 of 93"}
TARGET = replace(DEVICE, variants=("xnn", "plain"), baseline="xnn", ratios=())
CELLS = tuple(Cell("m", file, "device", variant) for file in SIZES for variant in TARGET.variants)
SESSION = replace(
    session((TARGET,), ("m",)),
    cells=CELLS,
    models={
        f"m/{file}": {"tflite_sha256": file, "tflite_bytes": size} for file, size in SIZES.items()
    },
)


def seconds(cell: Cell, block: int) -> float:
    """The machine drifts by a tenth per block; int8 is always twice as fast, fp16 as fast."""
    return 0.010 * (1 + block / 10) / {"fp32": 1, "fp16": 1, "int8": 2}[cell.file]


def measured(cell: Cell, block: int) -> Outcome:
    return times(seconds(cell, block))


def facts(result: Any) -> Any:
    """Give a made-up run what a driver and the output check would have seen."""
    file, xnn = result.cell.file, result.cell.variant == "xnn"
    observed: dict[str, Any] = {"xnnpack": xnn}
    if xnn:
        observed |= {"delegate": "XNNPACK", "nodes_delegated": DELEGATES[file]}
        observed["all_nodes_delegated"] = file != "int8"
        observed["some_nodes_delegated"] = True
    observed["output_max_relative_difference"] = {"fp32": 1e-6, "fp16": 0.002, "int8": 0.125}[file]
    return replace(
        result,
        subject={**result.subject, "model_sha256": file},
        conditions={**result.conditions, "output_compared_with": "fp32"},
        proof=Proof({"xnnpack": xnn}, observed),
    )


def measured_folder(outcome_of: Any = measured) -> ResultFolder:
    made = folder(SESSION, outcome_of)
    memories = [
        run(cell, 1, memory(peak_rss=SIZES[cell.file] * 3.0), pass_="memory") for cell in CELLS
    ]
    return replace(made, runs=tuple(map(facts, (*made.runs, *memories))))


def table(name: str, made: ResultFolder) -> Table:
    [found] = [each for each in tables.build((made,)) if each.name == name]
    return found


def texts(found: Table, *keys: str) -> list[tuple[str | None, ...]]:
    at = [[column.key for column in found.columns].index(key) for key in keys]
    return [tuple(_text(row[i]) for i in at) for row in found.rows]


def _text(value: TableValue) -> str | None:
    return value.text if isinstance(value, Figure) else value


def test_size_time_memory_and_difference_stand_in_one_row_per_file() -> None:
    found = table("files", measured_folder())
    assert texts(found, "file", "size", "size_ratio", "difference") == [
        ("fp32", "8.00", "1.00×", "1e-06"),
        ("fp16", "4.00", "0.500×", "0.002"),
        ("int8", "2.00", "0.250×", "0.12"),
    ]
    assert texts(found, "time.xnn", "peak_rss.plain") == [
        ("13.5", "24.0"),
        ("13.5", "12.0"),
        ("6.75", "6.00"),
    ]


def test_files_are_compared_block_by_block_with_their_interval() -> None:
    found = table("files", measured_folder())
    assert texts(found, "speedup.xnn") == [
        ("fp32",),
        ("1.00× same [1.00, 1.00]",),
        ("2.00× faster [2.00, 2.00]",),
    ]


def test_a_file_that_failed_keeps_its_size_and_difference_and_has_no_time() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return failed("output-mismatch") if cell.file == "int8" else measured(cell, block)

    found = table("files", measured_folder(outcome_of))
    keys = ("size", "difference", "time.xnn", "speedup.xnn")
    assert texts(found, *keys)[2] == ("2.00", "0.12", "failed", None)
    assert any("int8 has no time here" in note for note in found.notes)


def test_the_coverage_table_says_which_file_a_gap_belongs_to() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        return failed("output-mismatch") if cell.file == "int8" else measured(cell, block)

    found = table("coverage", measured_folder(outcome_of))
    assert texts(found, "cells") == [("m/int8 xnn, m/int8 plain",)]


def test_without_an_fp32_file_nothing_is_compared() -> None:
    cells = tuple(cell for cell in CELLS if cell.file != "fp32")
    made = measured_folder()
    runs = tuple(each for each in made.runs if each.cell in cells)
    found = table("files", replace(made, session=replace(SESSION, cells=cells), runs=runs))
    assert texts(found, "size_ratio", "speedup.xnn") == [(None, None), (None, None)]


def test_the_note_on_outputs_names_the_file_and_counts_no_memory_run() -> None:
    made = measured_folder()
    checked = [
        replace(
            each,
            conditions={
                **each.conditions,
                "output_check": f"ok {each.cell.file}"
                if each.pass_ == "latency"
                else "not checked",
            },
        )
        for each in made.runs
    ]
    [note] = [
        note
        for found in tables.build((replace(made, runs=tuple(checked)),))
        for note in found.notes
        if note.startswith("Outputs against")
    ][:1]
    assert "/fp32 ok fp32" in note
    assert "/int8 ok int8" in note
    assert "not checked" not in note


def test_one_file_has_no_files_table() -> None:
    made = measured_folder()
    cells = tuple(cell for cell in CELLS if cell.file == "fp32")
    runs = tuple(each for each in made.runs if each.cell in cells)
    found = tables.build((replace(made, session=replace(SESSION, cells=cells), runs=runs),))
    assert "files" not in [each.name for each in found]


def test_an_output_compared_with_something_else_is_no_difference_to_fp32() -> None:
    made = measured_folder()
    runs = tuple(
        replace(each, conditions={**each.conditions, "output_compared_with": "own file"})
        for each in made.runs
    )
    found = table("files", replace(made, runs=runs))
    assert texts(found, "difference") == [(None,)] * 3
    assert any("another reference (own file)" in note for note in found.notes)


def test_the_matrix_says_what_each_delegate_took_of_each_file() -> None:
    found = table("delegates", measured_folder())
    assert texts(found, "file", "taken.xnn", "taken.plain") == [
        ("fp32", "XNNPACK full, 90 of 90 nodes", "none"),
        ("fp16", "XNNPACK full, 164 of 164 nodes", "none"),
        ("int8", "XNNPACK partial, 76 of 93 nodes", "none"),
    ]


def test_the_matrix_invents_nothing_and_gives_reasons() -> None:
    def outcome_of(cell: Cell, block: int) -> Outcome:
        if cell.file == "int8":
            return failed("delegate-refused", "GPU was asked for, and the tool says no")
        return skipped(expected=True) if cell.file == "fp16" else measured(cell, block)

    made = measured_folder(outcome_of)
    silent = tuple(
        replace(each, proof=Proof({"xnnpack": True}, {"delegate": "XNNPACK"}))
        if each.cell == CELLS[0]
        else replace(each, proof=Proof({}, {}))
        if each.cell == CELLS[1]
        else each
        for each in made.runs
    )
    found = table("delegates", replace(made, runs=silent))
    assert texts(found, "taken.xnn", "taken.plain") == [
        ("XNNPACK, share not said", None),
        ("skipped", "skipped"),
        ("failed: delegate-refused", "failed: delegate-refused"),
    ]
    said = "\n".join(found.notes)
    assert (
        "GPU was asked for, and the tool says no (m/int8 device/xnn, m/int8 device/plain)." in said
    )
    assert "This tool does not say (m/fp32 device/plain)." in said
