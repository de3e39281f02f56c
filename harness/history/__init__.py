"""Histories of cells out of all result folders, from an index that only says what they say.

The folders are the truth. The index is a cache: it may be deleted at any time, and is made again.
"""
