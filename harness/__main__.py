"""`python -m harness` is `edgebench`."""

import sys

from harness.cli import main

sys.exit(main())
