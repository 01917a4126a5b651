"""The machine: shared RAM, CPUs played by OS threads, the two engines, the watchdog. Knows no module or symbol."""
