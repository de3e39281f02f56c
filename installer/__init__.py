"""Sets up a checkout: what `make quickstart` and `make test` run first.

It runs before anything is installed, so it imports nothing but the standard library and the
few modules of the harness that do the same. Each step looks whether its part is there, brings
it if not, and tells the outcome in one line on stderr; what the programs that it starts say
goes to a log under `.setup/`. Any step may be interrupted: running again repairs it.
"""
