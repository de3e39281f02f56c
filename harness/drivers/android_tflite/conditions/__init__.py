"""The conditions of a phone: set-up, the gate before a run, the watch during it, the verdict."""
