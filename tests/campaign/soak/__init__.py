"""Tests of stress/campaign that start no process: records, run directories, journals, plans, what is shown."""
