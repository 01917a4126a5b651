"""Tests of workers without a cluster: who is given what, and what is made of what comes back."""
