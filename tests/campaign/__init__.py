"""Tests of stress/campaign."""
