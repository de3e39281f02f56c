"""From a plan to a stream of events: targets opened, runs made, captured, kept."""

from harness.runner.session import run_plan

__all__ = ["run_plan"]
