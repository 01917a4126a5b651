"""The native engine: the same kernel functions compiled by numba, one OS thread for each CPU, the GIL released."""
