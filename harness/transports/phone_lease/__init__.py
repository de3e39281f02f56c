"""Leases: two harnesses never measure on one phone, on this host or on two.

A lease is a lock on this host, which the kernel gives back whatever happens, and a marker on the
device with an owner and an expiry, which other hosts see.
"""

from __future__ import annotations

from harness.transports.phone_lease.host_lock import locked_by, try_lock
from harness.transports.phone_lease.lease import PhoneLease, take_lease
from harness.transports.phone_lease.marker import Holder, Marker, seen_marker

__all__ = [
    "Holder",
    "Marker",
    "PhoneLease",
    "locked_by",
    "seen_marker",
    "take_lease",
    "try_lock",
]
