"""Mutation tests of the harness: break one part of it at a time, and see that a test or an expected verdict fails."""
