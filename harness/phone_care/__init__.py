"""The conditions under which a phone measures: asked for, waited for, watched, and judged.

Drivers of every lane that stands on a phone share them.
"""
