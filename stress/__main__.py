"""`python -m stress` is the command `kstress`."""

from stress.cli import main

main()
