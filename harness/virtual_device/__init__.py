"""A device that is not a phone: adb's device side over a sandbox folder of this host.

`python -m harness.virtual_device --scratch DIR --adb PROGRAM` makes a sandbox in DIR, serves it
to a private adb server of its own, says in one line of JSON where, and takes everything away
again when its stdin ends. It needs nothing but the standard library.
"""
