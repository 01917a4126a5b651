"""Sweeps: a matrix of scenarios, CPU counts and other axes, each cell run alone in a fresh process."""
