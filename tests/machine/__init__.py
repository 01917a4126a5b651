"""Tests of `stress.machine`: RAM, slabs, CPUs, both engines, power-off."""
