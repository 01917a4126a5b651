"""Stress marks: plain Python objects on a machine's CPUs, and scenarios as tests. Called by `stress.pytest_plugin`."""
