"""The lab: which phones there are (`devices.yaml`), and which of them a suite's targets mean."""

from __future__ import annotations

from harness.lab.load import Lab, find, load
from harness.lab.placing import Looking, Unseen, place

__all__ = ["Lab", "Looking", "Unseen", "find", "load", "place"]
