"""Tests of `stress.judge`: every copied name gets the outcome that a plain reading of the rules gives."""
