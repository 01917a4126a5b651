"""`python -m mutants`."""

import sys

from mutants.command import main

sys.exit(main())
