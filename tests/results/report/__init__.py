"""Tests of `stress.results.report`: what was read is what is shown, nothing foreign acts, damage is refused."""
