"""Benchmarks: kstress against the same work in C and in plain Python, side by side; `python -m benchmarks`."""
