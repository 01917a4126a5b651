"""Controlled runs: one CPU at a time, in an order that is chosen, recorded and replayed; many orders are explored."""
