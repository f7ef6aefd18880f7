"""Runs the lab's command line as ``python -m lab``."""

import sys

from lab.cli import main

sys.exit(main())
