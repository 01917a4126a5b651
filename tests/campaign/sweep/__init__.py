"""Tests of sweeps that start no process: axes, plans, records, run directories, journals."""
