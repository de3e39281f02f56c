"""The least memory of all plans: said only where it is proved, and how.

A plan that meets its lower bound is optimal; else an exact solver may prove one. Everything else
is a best known plan, which is not called an optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.memory_plan import cp_sat
from harness.memory_plan.records import OffsetPlan, RecordSet, SharedPlan

Proof = Literal["bound", "solver", "none"]
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


def shared_optimum(records: RecordSet, known: SharedPlan, bound_bytes: int) -> Optimum:
    """Return the optimum for shared objects, starting from the best plan of the strategies."""
    if known.total_bytes == bound_bytes:
        return Optimum(known, "bound")
    if not cp_sat.available():
        return Optimum(known, "none", _NO_SOLVER)
    return _judged(known, cp_sat.best_shared(records, known), bound_bytes)


def offset_optimum(records: RecordSet, known: OffsetPlan, bound_bytes: int) -> Optimum:
    """Return the optimum for offsets in one arena, starting from the best plan known."""
    if known.total_bytes == bound_bytes:
        return Optimum(known, "bound")
    if not cp_sat.available():
        return Optimum(known, "none", _NO_SOLVER)
    return _judged(known, cp_sat.best_offsets(records, known), bound_bytes)


def _judged(
    known: SharedPlan | OffsetPlan,
    solved: tuple[SharedPlan | OffsetPlan, bool] | None,
    bound_bytes: int,
) -> Optimum:
    if solved is None:
        return Optimum(known, "none", _TOO_LARGE)
    plan, proved = solved
    if plan.total_bytes == bound_bytes:
        return Optimum(plan, "bound")
    return Optimum(plan, "solver") if proved else Optimum(plan, "none", _CUT)
