"""What our rules say of simulated nights: false alarms, slowdowns found, coverage, beside others.

    python benchmarks/statistics_proof.py [--pairs 20000] [--nights 4000] [--slow-nights 1000]
                                          [--seed 1] [--part pairs|gate|looks]

The noise is that of `nights/noise.py`: drift, bimodal launches, autocorrelation, outliers. What
judges is the code of the harness itself: `paired_ratio` and `verdict` for pairs, `flagged` and
`judge_pairs` for the gate, `look` for automatic sampling. Every share has its Monte-Carlo error,
half of Wilson's 95 % interval, and a claim is shown only if that whole interval keeps its bound.
Ends with 1 if a claim is not shown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from machine_load import machine_line
from nights.gate import CELLS, KEYS, SLOW_CELLS, nights
from nights.looks import PRECISION, found_at_any_look, stopped
from nights.noise import ALONE, of_mix
from nights.pairs import EFFECTS, OURS, Tally, table, tallies
from nights.shares import Claim, Share

from harness.statistics.sequential import LOOKS

BLOCKS = 10
COVERAGE = {"least": 0.93, "most": 0.975}
FOUND_AT_LEAST = {0.05: 0.75, 0.10: 0.97}


def main() -> int:
    """Simulate and print; returns 0 if every claim is shown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--nights", type=int, default=4_000)
    parser.add_argument("--slow-nights", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=sorted(PARTS), action="append")
    arguments = parser.parse_args()
    print(f"machine {machine_line()}, numpy {np.__version__}, seed {arguments.seed}")
    claims: list[Claim] = []
    for part in arguments.part or PARTS:
        begun = time.process_time()
        # A seed of its own for each, so that a part alone gives what it gives among all.
        dice = np.random.default_rng([arguments.seed, list(PARTS).index(part)])
        claims += PARTS[part](arguments, dice)
        print(f"\n{part}: {time.process_time() - begun:.0f} CPU s", flush=True)
    print("\n| claim | must be | simulated, % | |\n|---|---|---|---|")
    for claim in claims:
        print(claim)
    return 0 if all(claim.shown for claim in claims) else 1


def pairs_part(arguments: argparse.Namespace, dice: np.random.Generator) -> Iterator[Claim]:
    """Judge pairs of the mix, and of each ingredient alone."""
    print(f"\n{arguments.pairs} pairs of the mix, {BLOCKS} blocks, percent ± Monte-Carlo error:\n")
    found = tallies(of_mix(arguments.pairs), BLOCKS, dice)
    print("\n".join(table(found)))
    mixed = found[OURS]
    yield Claim("identical pairs of the mix called faster or slower", _called(found), most=0.02)
    for effect in EFFECTS:
        covered = mixed.share("covered", effect)
        yield Claim(f"interval covers a true change of {_percent(effect)}", covered, **COVERAGE)
    print(
        f"\n{arguments.pairs} identical pairs each, percent called faster or slower, and percent "
        "of which a difference of any size is found:\n"
    )
    alone = {}
    for noise in ALONE:
        alone[noise.name] = tallies([(noise, arguments.pairs)], BLOCKS, dice, effects=EFFECTS[:1])
        text = f"identical pairs, {noise.name}"
        yield Claim(f"{text}: called faster or slower", _called(alone[noise.name]), most=0.05)
    print(f"| method | {' | '.join(alone)} |\n|---|{'---|' * len(alone)}")
    for method in found:
        shares = [
            f"{each[method].share('called', 0.0)}, {each[method].share('found', 0.0)}"
            for each in alone.values()
        ]
        print(f"| {method} | {' | '.join(shares)} |")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _called(found: Mapping[str, Tally]) -> Share:
    return found[OURS].share("called", 0.0)


def gate_part(arguments: argparse.Namespace, dice: np.random.Generator) -> Iterator[Claim]:
    """Run whole nights through the gate's two stages."""
    print(
        f"\nThe gate, {CELLS} cells a night, {KEYS.blocks} blocks to screen, {KEYS.confirm_blocks} "
        f"new ones to confirm; {arguments.nights} quiet nights, {arguments.slow_nights} nights "
        f"with {SLOW_CELLS} slower cells for each effect:\n"
    )
    print(
        "| true change | found that night | by kind | nights with a false alarm | flagged a night "
        "| launches more |\n|---|---|---|---|---|---|"
    )
    for effect in EFFECTS:
        found = nights(arguments.slow_nights if effect else arguments.nights, effect, dice)
        kinds = ", ".join(
            f"{name} {_percent(share.value)}" for name, share in found.by_kind.items()
        )
        caught = str(found.caught) if effect else "–"
        print(
            f"| {_percent(effect)} | {caught} | {kinds or '–'} | {found.alarmed} "
            f"| {found.flagged_a_night:.1f} | {_percent(found.more_launches)} |",
            flush=True,
        )
        if not effect:
            yield Claim(f"quiet nights of {CELLS} cells with any alarm", found.alarmed, most=0.05)
        elif effect in FOUND_AT_LEAST:
            text = f"a slowdown of {_percent(effect)} is found that night"
            yield Claim(text, found.caught, least=FOUND_AT_LEAST[effect])


def looks_part(arguments: argparse.Namespace, dice: np.random.Generator) -> Iterator[Claim]:
    """Stop pairs of the mix by the width of their intervals."""
    print(
        f"\nAutomatic sampling to ±{_percent(PRECISION)}, looks after {', '.join(map(str, LOOKS))} "
        f"blocks, {arguments.pairs} pairs each:\n\n"
        "| true change | called faster or slower | called slower "
        "| interval covers the truth | mean blocks | median | all blocks used |\n"
        "|---|---|---|---|---|---|---|"
    )
    for effect in EFFECTS:
        found = stopped(of_mix(arguments.pairs), effect, dice)
        all_used = float(np.mean([blocks == LOOKS[-1] for blocks in found.blocks]))
        print(
            f"| {_percent(effect)} | {found.called} | {found.slower} | {found.covered} "
            f"| {found.mean_blocks:.1f} | {np.median(found.blocks):.0f} | {_percent(all_used)} |",
            flush=True,
        )
        if not effect:
            text = "identical pairs called faster or slower, sampled by precision"
            yield Claim(text, found.called, most=0.02)
        text = f"interval covers a true change of {_percent(effect)}, sampled by precision"
        yield Claim(text, found.covered, **COVERAGE)
    eager = found_at_any_look(of_mix(arguments.pairs), dice)
    print(f"\nStopped at the first look with p < .05, {eager} % of identical pairs would differ.")


Part = Callable[[argparse.Namespace, np.random.Generator], Iterator[Claim]]
PARTS: Mapping[str, Part] = {"pairs": pairs_part, "gate": gate_part, "looks": looks_part}


if __name__ == "__main__":
    sys.exit(main())
