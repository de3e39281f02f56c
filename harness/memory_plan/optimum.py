"""The least memory of all plans: said only where it is proved, and how.

A plan that meets its lower bound is optimal; else an exact solver may prove one. Everything else
is a best known plan, which is not called an optimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from harness.memory_plan import cp_sat
from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan

Proof = Literal["bound", "solver", "none"]
_Plan = TypeVar("_Plan", SharedPlan, OffsetPlan)
_NO_SOLVER = (
    "OR-tools is not installed, so only a plan that meets its lower bound is known to be optimal; "
    "its solver may prove more: pip install 'edgebench[memory]'"
)
_TOO_LARGE = "it has too many tensors for the exact solver"
_CUT = "the exact solver was cut after a fixed amount of work"


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best plan known, and what proves that none is better; `reason` where nothing does."""

    plan: SharedPlan | OffsetPlan
    proof: Proof
    reason: str = ""

    @property
    def proved(self) -> bool:
        """Return whether no plan can be better."""
        return self.proof != "none"


def _optimum(
    known: _Plan, bound_bytes: int, solve: Callable[[], tuple[_Plan, bool] | None]
) -> Optimum:
    """Return the optimum, starting from the best plan of the strategies.

    `solve` asks the exact solver: a plan and whether none is better, or None if it is too large.
    """
    if known.total_bytes == bound_bytes:
        return Optimum(known, "bound")
    if not cp_sat.available():
        return Optimum(known, "none", _NO_SOLVER)
    solved = solve()
    if solved is None:
        return Optimum(known, "none", _TOO_LARGE)
    plan, proved = solved
    if plan.total_bytes == bound_bytes:
        return Optimum(plan, "bound")
    return Optimum(plan, "solver") if proved else Optimum(plan, "none", _CUT)


def shared_optimum(records: RecordSet, known: SharedPlan, bound_bytes: int) -> Optimum:
    """Return the optimum for shared objects."""
    return _optimum(known, bound_bytes, lambda: cp_sat.best_shared(records, known))


def offset_optimum(records: RecordSet, known: OffsetPlan, bound_bytes: int) -> Optimum:
    """Return the optimum for offsets in one arena."""
    return _optimum(known, bound_bytes, lambda: cp_sat.best_offsets(records, known))
