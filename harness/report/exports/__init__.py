"""Measured cells in the formats that other tools take in: one file each.

An export has the numbers of real targets, and of virtual ones only where that is asked for. A cell
without a number is left out where a format has no place for it; JUnit has one.
"""
