#!/bin/sh
"""exec" "${EDGEBENCH_PYTHON:-python3}" -IB "$0" "$@"

A stand-in for TFLite's benchmark_model on this host: its flags, its output, the real LiteRT.

A shell reads only the line above, so the file is a program wherever there is a Python with
ai-edge-litert, named by $EDGEBENCH_PYTHON. The output has the shape of benchmark_model of 2026
(tensorflow/lite/tools/benchmark). What differs from it:

- memory is counted above the loaded interpreter: the high-water mark is reset after the
  imports, and what it grows by is printed, as init, overall and peak;
- only the kernels that the wheel has: XNNPACK (the default, as in benchmark_model) or, with
  --use_xnnpack=false, the built-in ones;
- numbers in flags are strict: `--num_threads=3abc` is refused, not read as 3;
- `#threads observed` is the number of threads that compute, counted by the kernel.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # imported late: `--help` must be quick, and memory is counted from then on
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

NOTE = (
    "Note: as the benchmark tool itself affects memory footprint, the following is only "
    "APPROXIMATE to the actual memory footprint of the model at runtime. Take the information "
    "at your discretion."
)


@dataclass(frozen=True)
class Flag:
    """A flag: its type, its default, and what the log calls it when it was set."""

    kind: str
    default: Any
    title: str


FLAGS = {
    "num_runs": Flag("int32", 50, "Min num runs"),
    "min_secs": Flag("float", 1.0, "Min runs duration (seconds)"),
    "max_secs": Flag("float", 150.0, "Max runs duration (seconds)"),
    "num_threads": Flag("int32", 1, "Num threads"),
    "warmup_runs": Flag("int32", 1, "Min warmup runs"),
    "warmup_min_secs": Flag("float", 0.5, "Min warmup runs duration (seconds)"),
    "report_peak_memory_footprint": Flag("bool", False, "Report the peak memory footprint"),
    # Taken and not needed: the kernel itself keeps the peak.
    "memory_footprint_check_interval_ms": Flag("int32", 50, "Memory footprint check interval (ms)"),
    "graph": Flag("string", "", "Graph"),
    "input_layer": Flag("string", "", "Input layers"),
    "input_layer_shape": Flag("string", "", "Input shapes"),
    "input_layer_value_files": Flag("string", "", "Input value files"),
    "output_filepath": Flag("string", "", "File path to export outputs layer to"),
    "use_xnnpack": Flag("bool", True, "Use xnnpack"),
    "help": Flag("bool", False, "print out all supported flags"),
}


class Refused(Exception):
    """What was asked for cannot be done; the message is for stderr."""


def say(text: str) -> None:
    print(f"INFO: {text}", flush=True)


def complain(text: str) -> None:
    sys.stdout.flush()
    print(f"ERROR: {text}", file=sys.stderr, flush=True)


def value_of(kind: str, text: str) -> Any:
    if kind == "bool":
        return {"true": True, "1": True, "false": False, "0": False}[text]
    if kind == "int32":
        return int(text)
    if kind == "float":
        return float(text)
    return text


def parse_flags(arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the flags that were set, the first of each, and what was left over."""
    given: dict[str, Any] = {}
    left = []
    for argument in arguments:
        name, equals, text = argument.removeprefix("--").partition("=")
        if argument == "--help":
            given["help"] = True
        elif not argument.startswith("--") or not equals or name not in FLAGS or name in given:
            left.append(argument)
        else:
            try:
                given[name] = value_of(FLAGS[name].kind, text)
            except (ValueError, KeyError):
                raise Refused(f"Failed to parse flag '{name}' against argv '{argument}'") from None
    return given, left


def usage() -> str:
    rows = [
        f"\t--{f'{name}={shown(flag.default)}':<45}\t{flag.kind}\toptional\t{flag.title}"
        for name, flag in FLAGS.items()
    ]
    return "usage: litert-host <flags>\nFlags:\n" + "\n".join(rows) + "\n"


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def log_parameters(given: dict[str, Any]) -> None:
    say("Log parameter values verbosely: [0]")
    for name, flag in FLAGS.items():
        if name in given:
            value = int(given[name]) if flag.kind == "bool" else given[name]
            say(f"{flag.title}: [{shown(value)}]")
    if "num_threads" in given:
        say(f"#threads used for CPU inference: [{given['num_threads']}]")


class Memory:
    """Resident high-water mark above a baseline, in MB of 2**20 bytes."""

    def __init__(self) -> None:
        try:
            # 5 resets VmHWM to what is resident now: proc(5), clear_refs.
            with open("/proc/self/clear_refs", "w") as file:  # noqa: PTH123  pathlib weighs more
                file.write("5")
        except OSError:
            pass
        self._baseline_kb = self._status_kb("VmHWM")

    def growth_mb(self) -> float:
        return (self._status_kb("VmHWM") - self._baseline_kb) / 1024

    def resident_mb(self, *fields: str) -> int:
        return round(sum(self._status_kb(field) for field in fields) / 1024)

    @staticmethod
    def _status_kb(field: str) -> int:
        try:
            with open("/proc/self/status") as file:  # noqa: PTH123  the same
                for line in file:
                    if line.startswith(f"{field}:"):
                        return int(line.split()[1])
        except OSError:
            pass
        return 0


def threads_now() -> int:
    import os

    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208  pathlib weighs more
    except OSError:
        return 0


def size_of(path: str) -> int:
    import os

    return os.stat(path).st_size  # noqa: PTH116  the same


def load(flags: dict[str, Any]) -> tuple[Interpreter, int]:
    """Return the ready interpreter and how long it took in microseconds."""
    import time

    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    path = flags["graph"]
    resolver = (
        OpResolverType.BUILTIN
        if flags["use_xnnpack"]
        else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    begun = time.perf_counter_ns()
    try:
        interpreter = Interpreter(
            model_path=path,
            num_threads=flags["num_threads"],
            experimental_op_resolver_type=resolver,
        )
    except (ValueError, RuntimeError) as error:
        raise Refused(f"{str(error).strip()}\nERROR: Failed to load model {path}") from error
    say(f"Loaded model {path}")
    resize(interpreter, flags)
    try:
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise Refused(f"{str(error).strip()}\nERROR: Failed to allocate tensors!") from error
    return interpreter, (time.perf_counter_ns() - begun) // 1000


def named_shapes(flags: dict[str, Any]) -> dict[str, list[int]]:
    names = flags["input_layer"].split(",") if flags["input_layer"] else []
    shapes = flags["input_layer_shape"].split(":") if flags["input_layer_shape"] else []
    if len(names) != len(shapes):
        raise Refused(
            f"The number of items in --input_layer_shape ({flags['input_layer_shape']}, with "
            f"{len(shapes)} items) must match the number of items in --input_layer "
            f"({flags['input_layer']}, with {len(names)} items)."
        )
    try:
        return {
            name: [int(size) for size in shape.split(",")]
            for name, shape in zip(names, shapes, strict=True)
        }
    except ValueError:
        raise Refused(f"Incorrect size string specified: {flags['input_layer_shape']}") from None


def resize(interpreter: Interpreter, flags: dict[str, Any]) -> None:
    # As in benchmark_model, layers belong to inputs by position; a wrong name is a warning.
    details = interpreter.get_input_details()
    for position, (name, shape) in enumerate(named_shapes(flags).items()):
        if position >= len(details):
            raise Refused("There are more input layers than the model has inputs")
        detail = details[position]
        if detail["name"] != name:
            known = f"Tensor # {detail['index']} is named {detail['name']}"
            print(f"WARN: {known} but flags call it {name}", flush=True)
        if len(detail["shape"]) != len(shape):
            raise Refused(
                f"Input tensor #{detail['index']} should have {len(detail['shape'])} dimensions!"
            )
        if list(detail["shape"]) != shape:
            interpreter.resize_tensor_input(detail["index"], shape)


def value_files(text: str) -> dict[str, str]:
    files = {}
    for item in text.replace("\\:", "\0").split(",") if text else []:
        name, colon, path = item.partition(":")
        if not colon:
            raise Refused(f"Wrong input value file item specified: {item}")
        files[name.replace("\0", ":")] = path.replace("\0", ":")
    return files


def fill_inputs(interpreter: Interpreter, flags: dict[str, Any]) -> None:
    import numpy as np

    files = value_files(flags["input_layer_value_files"])
    names = list(named_shapes(flags))
    unknown = set(files) - set(names)
    if unknown:
        raise Refused(f"Cannot find the corresponding input_layer name({min(unknown)}).")
    numbers = np.random.default_rng(0)
    for position, detail in enumerate(interpreter.get_input_details()):
        name = names[position] if position < len(names) else ""
        if name in files:
            tensor = from_file(files[name], detail)
        elif detail["dtype"] in {np.str_, np.bytes_}:
            raise Refused(f"Input tensor #{detail['index']} holds strings, which are not supported")
        else:
            tensor = (numbers.random(detail["shape"]) * 1.0).astype(detail["dtype"])
        interpreter.set_tensor(detail["index"], tensor)


def from_file(path: str, detail: dict[str, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    try:
        tensor = np.fromfile(path, dtype=detail["dtype"])
        return tensor.reshape(detail["shape"])
    except (OSError, ValueError) as error:
        raise Refused(f"Failed to read the value file {path}: {error}") from error


def run(invoke: Callable[[], None], min_runs: int, min_secs: float, max_secs: float) -> array[int]:
    """Invoke at least `min_runs` times and `min_secs` long; return whole microseconds."""
    import gc
    import time

    clock = time.perf_counter_ns
    times = array("q")
    say(
        f"Running benchmark for at least {min_runs} iterations and at least {min_secs:g} seconds "
        f"but terminate if exceeding {max_secs:g} seconds."
    )
    gc.collect()
    gc.disable()
    try:
        begun = clock()
        enough, latest = begun + min_secs * 1e9, begun + max_secs * 1e9
        now = begun
        while (len(times) < min_runs or now < enough) and now <= latest:
            before = clock()
            invoke()
            now = clock()
            times.append((now - before + 500) // 1000)
    finally:
        gc.enable()
    return times


def describe(times: array[int]) -> str:
    """Return the line of statistics as benchmark_model's stats_calculator.h prints it."""
    count = len(times)
    if not count:
        return "count=0 p5=0 median=0 p95=0"
    ordered = sorted(times)
    tail = "".join(
        f" {name}={ordered[min(count * share // 100, count - 1)]}"
        for name, share in (("p5", 5), ("median", 50), ("p95", 95))
    )
    if count == 1 or ordered[0] == ordered[-1]:
        same = "" if count == 1 else "(all same)"
        return f"count={count} curr={times[-1]}{same}{tail}"
    mean = mean_of(times)
    deviation = (sum((value - mean) ** 2 for value in times) / count) ** 0.5
    return (
        f"count={count} first={times[0]} curr={times[-1]} min={ordered[0]} max={ordered[-1]}"
        f" avg={mean:g} std={int(deviation)}{tail}"
    )


def mean_of(times: array[int]) -> float:
    return sum(times) / len(times) if times else 0.0


def write_outputs(interpreter: Interpreter, path: str) -> None:
    tensors = [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
    with open(path, "wb") as file:  # noqa: PTH123  pathlib weighs more
        file.writelines(tensor.tobytes() for tensor in tensors)


def say_what_was_delegated(interpreter: Interpreter) -> None:
    """Say it in the runtime's words, which release builds keep to themselves.

    Replaced nodes stay listed beside those that stand for them; a delegate's node replaced what
    leads from its inputs to its outputs. Said only if partitioning the graph by this, as
    TFLite does (graph_info.cc), gives as many kernels as there are.
    """
    try:
        listed = interpreter._get_ops_details()  # noqa: SLF001  no public name tells nodes
    except AttributeError:  # not a public name: another version may lack it
        return
    kernels = [node for node in listed if node["op_name"] == "DELEGATE"]
    nodes = [node for node in listed if node["op_name"] != "DELEGATE"]
    made_by = {int(tensor): at for at, node in enumerate(nodes) for tensor in node["outputs"]}
    taken = {at for kernel in kernels for at in replaced_by(kernel, nodes, made_by)}
    epochs = partitions(nodes, made_by, taken)
    if kernels and epochs.count(True) == len(kernels):
        say(
            f"Replacing {len(taken)} out of {len(nodes)} node(s) with delegate "
            f"(TfLiteXNNPackDelegate) node, yielding {len(epochs)} partitions for subgraph 0."
        )


def replaced_by(kernel: Any, nodes: list[Any], made_by: dict[int, int]) -> set[int]:
    given = {int(tensor) for tensor in kernel["inputs"]}
    found: set[int] = set()
    waiting = [int(tensor) for tensor in kernel["outputs"]]
    while waiting:
        tensor = waiting.pop()
        at = made_by.get(tensor)
        if tensor not in given and at is not None and at not in found:
            found.add(at)
            waiting += [int(each) for each in nodes[at]["inputs"]]
    return found


def partitions(nodes: list[Any], made_by: dict[int, int], taken: set[int]) -> list[bool]:
    """Return for each partition, in order, whether the delegate has it."""
    needs = [{made_by[int(t)] for t in node["inputs"] if int(t) in made_by} for node in nodes]
    done: set[int] = set()
    epochs: list[bool] = []
    while len(done) < len(nodes):
        before = len(done)
        for at in range(len(nodes)):
            if at in done or needs[at] - done:
                continue
            if len(done) == before:
                epochs.append(at in taken)
            if (at in taken) == epochs[-1]:
                done.add(at)
        if len(done) == before:
            return []
    return epochs


def report(
    memory: Memory, init_us: int, init_mb: float, warmups: array[int], timed: array[int], peak: bool
) -> None:
    overall_mb = memory.growth_mb()
    first_us = warmups[0] if warmups else 0
    say(
        f"Inference timings in us: Init: {init_us}, First inference: {first_us}, "
        f"Warmup (avg): {mean_of(warmups):g}, Inference (avg): {mean_of(timed):g}"
    )
    say(NOTE)
    say(
        "Memory footprint delta from the start of the tool (MB): "
        f"init={init_mb:g} overall={overall_mb:g}"
    )
    if peak:
        say(f"Overall peak memory footprint (MB) via periodic monitoring: {overall_mb:g}")
        say("Memory status at the end of exeution:")
        say(f"- VmRSS              : {memory.resident_mb('VmRSS')} MB")
        say(f"+ RssAnnon           : {memory.resident_mb('RssAnon')} MB")
        say(f"+ RssFile + RssShmem : {memory.resident_mb('RssFile', 'RssShmem')} MB")


def prepare_runtime() -> str:
    """Import everything that is not the model's, so that its memory is not counted; say which."""
    import os

    # numpy's own threads would stand beside those that are counted.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        import numpy as np  # noqa: F401  its memory must not be counted as the model's
        from ai_edge_litert import interpreter  # noqa: F401  the same
    except ImportError as error:
        raise Refused(
            f"ai-edge-litert cannot be imported ({error}); "
            'install it with: pip install "edgebench[litert]"'
        ) from error
    from importlib.metadata import version

    return version("ai-edge-litert")


def benchmark(given: dict[str, Any]) -> None:
    if given.get("help"):
        raise Refused(usage())
    flags = {name: given.get(name, flag.default) for name, flag in FLAGS.items()}
    if not flags["graph"]:
        raise Refused("Please specify the name of your TF Lite input file with --graph")
    if flags["num_threads"] < 1:
        raise Refused("--num_threads must be at least 1")
    say(f"litert-host {prepare_runtime()}, a stand-in for benchmark_model on this host")
    log_parameters(given)
    memory = Memory()
    threads_before = threads_now()
    interpreter, init_us = load(flags)
    init_mb = memory.growth_mb()
    say(f"The input model file size (MB): {size_of(flags['graph']) / 1e6:g}")
    say(f"Initialized session in {init_us / 1000:g}ms.")
    fill_inputs(interpreter, flags)
    warmups, timed = rounds(interpreter, flags, threads_before)
    report(memory, init_us, init_mb, warmups, timed, flags["report_peak_memory_footprint"])
    say_what_was_delegated(interpreter)
    if flags["output_filepath"]:
        write_outputs(interpreter, flags["output_filepath"])


def rounds(
    interpreter: Interpreter, flags: dict[str, Any], threads_before: int
) -> tuple[array[int], array[int]]:
    """Warm up, then measure."""
    try:
        warmups = run(
            interpreter.invoke, flags["warmup_runs"], flags["warmup_min_secs"], flags["max_secs"]
        )
        say(f"{describe(warmups)}\n")
        if flags["use_xnnpack"]:
            # XNNPACK's pool is made at once, one thread less than asked: the caller works too.
            # The built-in kernels start theirs only for large work, so counting proves nothing.
            say(f"#threads observed: {1 + threads_now() - threads_before}")
        timed = run(interpreter.invoke, flags["num_runs"], flags["min_secs"], flags["max_secs"])
    except (ValueError, RuntimeError) as error:
        raise Refused(str(error).strip()) from error
    say(f"{describe(timed)}\n")
    return warmups, timed


def main(arguments: list[str]) -> int:
    say("STARTING!")
    try:
        given, left = parse_flags(arguments)
        if left:
            print(f"WARN: Unconsumed cmdline flags: {' '.join(left)}", flush=True)
        benchmark(given)
    except Refused as refusal:
        complain(str(refusal))
        complain("Benchmarking failed.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
