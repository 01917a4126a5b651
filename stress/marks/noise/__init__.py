"""Noise: threads switch more often, and in the code under test where they rarely would; which code that is."""
