"""Fidelity: the measuring page against a bare hand-written page with a plain loop.

    python benchmarks/fidelity.py [--browser chromium] [--device DEVICE]
                                  [--runtime tfjs|litert|onnx]
                                  [--variant simd] [--model mobilenet_v2] [--blocks 40]
                                  [--minutes N]

All in one browser. Each runtime has a bare page of its own, written by hand from its documentation.
Each block opens four fresh pages one after another, two of each kind, in the order A B B A with A
by chance, so that a drift within the block touches both kinds alike. Each page warms up and times
its own loop, alone; the block's log ratio is that of the kinds' mean log medians. Claimed: the
ratio is within 0.98-1.02, with a 95 % interval (exact Wilcoxon, Hodges-Lehmann) no wider than
± 2 %. A block in which others took more than 12 % of the CPU is dropped, whatever its ratio, and
another one made, up to three times as many as are wanted; on a host that stays busy nothing is
shown. After `--minutes` no block begins. Two bare pages differ by chance too (by about 5 %, page
for page): hence many blocks.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from bare_pages import BARE_PAGES, BarePage
from machine_load import machine_line

from harness.artifacts import model_files
from harness.disturbances import judged
from harness.graphs.signature import read_signature
from harness.model import Tensor
from harness.options import Sampling, Timed, Warmup
from harness.plugins import ModelFile, driver, registry
from harness.statistics.paired import RatioEstimate, paired_ratio
from harness.suite.values import Generated, ModelSource
from harness.tools.measuring_page import page_config, read_answer
from harness.transports.browsing import OpenBrowser, OpenPage
from harness.transports.server import PageServer
from harness.web_lane.options import BrowserKeys
from harness.web_lane.session import PAGE, measure_in_page, served_to_a_run
from harness.web_lane.transports import open_transport

LOW, HIGH = 0.98, 1.02
WIDEST = 0.02
LEAST_BLOCKS = 30
OTHERS_TOO_BUSY = 0.12
MOST_TRIES = 3
ITERATIONS = 25
RUN = "fidelity"


@dataclass(frozen=True)
class Pages:
    """Where both pages are, and what each is told."""

    origin: str
    url: str
    init_scripts: tuple[str, ...]
    ours: dict[str, Any]
    bare_page: str
    bare: dict[str, Any]


@dataclass(frozen=True)
class Block:
    """Both kinds' geometric means of their pages' medians in seconds, and whether others disturbed.

    `disturbed` is None where the platform does not tell.
    """

    ours_s: float
    bare_s: float
    disturbed: bool | None


def main() -> int:
    """Measure and print; returns 0 if the claim was shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--device", help="of `--browser chrome-android`: virtual, auto, a serial")
    parser.add_argument("--runtime", default="tfjs", choices=tuple(BARE_PAGES))
    parser.add_argument("--variant", help="a Wasm build of the runtime (default: its first one)")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bare = BARE_PAGES[arguments.runtime]
    arguments.variant = arguments.variant or next(iter(bare.variants))
    if arguments.variant not in bare.variants:
        parser.error(f"--variant of {arguments.runtime}: {', '.join(bare.variants)}")
    sampling = Sampling(
        warmup=Warmup(iterations=25, seconds=1.0),
        timed=Timed(iterations=ITERATIONS, max_seconds=600.0),
    )
    source = ModelSource(
        arguments.model, "fp32", Generated(arguments.model, 7), {}, (), "cpu", 1e-4
    )
    wanted = driver(bare.driver).model_format
    model = model_files(source, {wanted})[wanted]
    print(f"machine   {machine_line()}")
    version, blocks = measure(model, sampling, bare, arguments)
    kept = quiet(blocks)
    what = f"{arguments.model} {arguments.runtime} {arguments.variant}"
    print(f"measured  {what}, {arguments.browser} {version}")
    print(
        f"blocks    {len(kept)} kept; dropped {len(blocks) - len(kept)}, in which others took ",
        end="",
    )
    print(f"more than {OTHERS_TOO_BUSY:.0%} of the CPU; load after it: {machine_line()}")
    unknown = sum(block.disturbed is None for block in kept)
    if unknown:
        print(f"          of {unknown} of the kept ones it is not known what others took")
    if not kept:
        print("not shown: no block was quiet")
        return 1
    estimate = paired_ratio([math.log(block.ours_s / block.bare_s) for block in kept])
    report(estimate, kept)
    return 0 if shown(estimate) else 1


def measure(
    model: ModelFile, sampling: Sampling, bare: BarePage, arguments: argparse.Namespace
) -> tuple[str, list[Block]]:
    """Return the browser's version and all blocks, measured in one browser."""
    inputs = seeded_inputs(model, arguments.seed)
    order = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch, PageServer() as server:
        runtime = bare.runtime(model)
        contents = served_to_a_run(runtime, model, [inputs])
        device = {} if arguments.device is None else {"device": arguments.device}
        keys = BrowserKeys.model_validate({"browser": arguments.browser, **device})
        browsers = open_transport(keys, Path(scratch))
        origin = browsers.origin_for(server.port)
        server.admit(origin)
        url = server.mount(RUN, {**contents, bare.file.name: bare.file}, origin=origin)
        options = bare.options(arguments.variant)
        pages = Pages(
            origin,
            url,
            tuple(runtime.init_scripts(options)),
            page_config(
                url=url,
                pass_="latency",
                call=runtime.call(url, options),
                input_sets=[inputs],
                sampling=sampling,
            ),
            bare.file.name,
            bare.told(arguments.variant, inputs[0], sampling),
        )

        def work(browser: OpenBrowser) -> tuple[str, list[Block]]:
            blocks: list[Block] = []
            ends = time.monotonic() + 60 * arguments.minutes
            while len(blocks) < MOST_TRIES * arguments.blocks and time.monotonic() < ends:
                blocks.append(one_block(browser, pages, order))
                if len(quiet(blocks)) == arguments.blocks:
                    break
            return browser.version, blocks

        try:
            return browsers.visit(work, deadline_s=60.0 * MOST_TRIES * arguments.blocks)
        finally:
            browsers.close()


def one_block(browser: OpenBrowser, pages: Pages, order: random.Random) -> Block:
    """Measure two fresh pages of each kind, one page open at a time."""
    first, second = order.sample(("ours", "bare"), 2)
    logs: dict[str, list[float]] = {"ours": [], "bare": []}
    stop = registry("probes").get("cpu_contention").start()
    for name in (first, second, second, first):
        with browser.page(pages.origin, init_scripts=pages.init_scripts) as page:
            times = times_of_ours(page, pages) if name == "ours" else times_of_bare(page, pages)
        logs[name].append(math.log(median(times) / 1000))
    disturbed = judged(stop().conditions, OTHERS_TOO_BUSY)
    block = Block(math.exp(fmean(logs["ours"])), math.exp(fmean(logs["bare"])), disturbed)
    print(json.dumps(asdict(block)), file=sys.stderr, flush=True)
    return block


def times_of_ours(page: OpenPage, pages: Pages) -> list[float]:
    """Return the milliseconds that our page measures; medians of batches are another statistic.

    Raises:
        SystemExit: it has no single iterations.
    """
    page.goto(pages.url + PAGE)
    answer = read_answer(measure_in_page(page, pages.ours).encode())
    if answer.error is not None or answer.timed is None or answer.timed.batch_size != 1:
        raise SystemExit(f"the page has no single iterations: {answer.error or answer.timed}")
    return list(answer.timed.samples_ms)


def times_of_bare(page: OpenPage, pages: Pages) -> list[float]:
    """Return the milliseconds that the bare page measures.

    One script warms up and times, as anyone's would, and as ours does. Asking twice let the page
    return to its event loop in between, which alone made TF.js in WebKitGTK 3 % slower.
    """
    page.goto(pages.url + pages.bare_page)
    script = f"async (config) => {{ await prepare(config); return loop({ITERATIONS}); }}"
    times: list[float] = page.evaluate(script, pages.bare)
    return times


def seeded_inputs(model: ModelFile, seed: int) -> tuple[Tensor, ...]:
    """Return numbers in -1..1 for the model's one input."""
    (signature,) = read_signature(model)
    import numpy as np

    values = np.random.default_rng(seed).uniform(-1, 1, signature.shape).astype("<f4")
    return (Tensor(signature.name, signature.shape, "float32", values.tobytes()),)


def shown(estimate: RatioEstimate) -> bool:
    """Tell whether the claim holds: enough blocks, the estimate and its interval."""
    if estimate.blocks < LEAST_BLOCKS or estimate.low is None or estimate.high is None:
        return False
    narrow = max(estimate.estimate - estimate.low, estimate.high - estimate.estimate) <= WIDEST
    return narrow and LOW <= estimate.estimate <= HIGH


def quiet(blocks: list[Block]) -> list[Block]:
    """Return the blocks in which others left the CPU alone, or in which nobody can tell."""
    return [block for block in blocks if not block.disturbed]


def report(estimate: RatioEstimate, blocks: list[Block]) -> None:
    """Print what was measured, and whether it shows the claim."""
    interval = "no interval"
    if estimate.low is not None and estimate.high is not None:
        interval = f"95 % interval {estimate.low:.4f}-{estimate.high:.4f}"
    print(f"medians   ours {median(block.ours_s for block in blocks) * 1000:.3f} ms, ", end="")
    print(f"bare {median(block.bare_s for block in blocks) * 1000:.3f} ms")
    print(f"ratio     ours / bare {estimate.estimate:.4f}, {interval}")
    print(f"          {estimate.method}")
    verdict = "shown" if shown(estimate) else "not shown"
    print(f"{verdict}: ratio within {LOW}-{HIGH}, interval no wider than ± {WIDEST:.0%}")


if __name__ == "__main__":
    raise SystemExit(main())
