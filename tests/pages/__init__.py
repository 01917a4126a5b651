"""Tests of `stress.pages`: what was read is what is shown, nothing foreign acts, damage is refused in one line."""
