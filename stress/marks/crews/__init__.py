"""Crews: what carries the players, threads or tasks; who waits for whom at the end of a run."""
