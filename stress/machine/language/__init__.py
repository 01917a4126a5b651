"""Kernel code is a small language; this is its front end, which both engines share.

A kernel function is read from its source, resolved and checked: names, calls, constructs, numbers. The result is a tree
of few kinds of nodes (`tree`), which a compiler can turn into machine code. Nothing here knows an engine.
"""
