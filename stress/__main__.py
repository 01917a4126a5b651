"""`python -m stress` is the command `kstress`."""

from stress.entry import main

main()
