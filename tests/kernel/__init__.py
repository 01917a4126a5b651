"""Tests of `stress.kernel`: the code that the CPUs run, alone and on real threads."""
