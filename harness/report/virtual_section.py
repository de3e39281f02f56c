"""The words under which tables of virtual devices stand."""

from __future__ import annotations

VIRTUAL_SECTION = "Virtual device (this host): not a phone"
