"""Tests of crews that need no cluster: who is given what, and what is made of what comes back."""
