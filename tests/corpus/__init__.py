"""Tests of `stress.corpus`."""
