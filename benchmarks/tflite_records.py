"""CPU time and memory of reading a large model's tensors: its weights must not be touched.

    python benchmarks/tflite_records.py [--megabytes 105] [--repeats 5]

A chain of dense layers with random weights is written, and read to usage records in a fresh
process. CPU seconds of the reading, the least of the repeats; the memory that it adds, the most:
private memory is what was copied, mapped is how much of the file the kernel shows for a while.
Claimed for 100 MB: at most 1 s, and private memory of less than a twentieth of the file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine_load import machine_line

from harness.graphs import tflite_schema

CLAIM_S = 1.0
CLAIM_SHARE = 1 / 20
UNITS = 1024
LAYER_BYTES = UNITS * UNITS * 4
READER = """
import json, mmap, sys, time
from pathlib import Path
from harness.graphs.tflite_reader import TfliteModel, read_graphs
from harness.memory_plan.tflite_records import record_sets
def resident():
    lines = open("/proc/self/status").read().splitlines()
    sizes = dict(line.split(":") for line in lines if line.startswith("Rss"))
    return [int(sizes[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile")]
path = Path(sys.argv[1])
before, begun = resident(), time.process_time()
with path.open("rb") as file:
    data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
sets = record_sets(TfliteModel(path, read_graphs(data, str(path))))
taken = time.process_time() - begun
grown = [now - old for now, old in zip(resident(), before)]
print(json.dumps([taken, *grown, len(sets[0].records)]))
"""


def large_model(size_bytes: int) -> bytes:
    """Return a file of about this size: fully connected layers of 1024 units, one after another."""
    schema: Any = tflite_schema.schema()
    layers = max(1, size_bytes // LAYER_BYTES)
    weights = bytes(range(256)) * (LAYER_BYTES // 256)
    tensors = [schema.TensorT(name="input", shape=[1, UNITS], buffer=0)]
    buffers: list[Any] = [tflite_schema.AlignedBuffer()]
    operators = []
    for layer in range(layers):
        buffers.append(tflite_schema.AlignedBuffer(weights))
        kernel = schema.TensorT(name=f"kernel_{layer}", shape=[UNITS, UNITS], buffer=layer + 1)
        tensors += [kernel, schema.TensorT(name=f"dense_{layer}", shape=[1, UNITS], buffer=0)]
        operators.append(
            schema.OperatorT(
                opcodeIndex=0,
                inputs=[max(0, 2 * layer), 2 * layer + 1, -1],
                outputs=[2 * layer + 2],
            )
        )
    code = schema.OperatorCodeT(deprecatedBuiltinCode=9, builtinCode=9)  # FULLY_CONNECTED
    graph = schema.SubGraphT(
        tensors=tensors, operators=operators, inputs=[0], outputs=[len(tensors) - 1]
    )
    model = schema.ModelT(version=3, operatorCodes=[code], subgraphs=[graph], buffers=buffers)
    return tflite_schema.packed(model)


def main() -> int:
    """Measure and print; returns 0 if both claims hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=105)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print(f"machine   {machine_line()}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.tflite"
        path.write_bytes(large_model(arguments.megabytes * 1_000_000))
        size = path.stat().st_size
        answers = [_read(path) for _ in range(arguments.repeats)]
    seconds = min(answer[0] for answer in answers)
    grown = max(answer[1] for answer in answers)
    mapped = max(answer[2] for answer in answers)
    print(f"file      {size / 1e6:.1f} MB, {answers[0][3]} intermediate tensors")
    print(f"reading   {seconds:.4f} CPU s, least of {len(answers)}; claimed {CLAIM_S:g} s")
    print(f"private   {grown / 1e6:.2f} MB more; claimed below {size * CLAIM_SHARE / 1e6:.1f} MB")
    print(f"mapped    {mapped / 1e6:.2f} MB of the file, which the kernel may drop at any time")
    print(f"machine   {machine_line()}")
    return 0 if seconds <= CLAIM_S and grown < size * CLAIM_SHARE else 1


def _read(path: Path) -> Any:
    ended = subprocess.run(
        [sys.executable, "-c", READER, str(path)], capture_output=True, check=True, timeout=300
    )
    return json.loads(ended.stdout)


if __name__ == "__main__":
    sys.exit(main())
