"""Strategies, one a file, in kernel code: `begin` draws what a schedule has of its own, `choose` says who is next."""
