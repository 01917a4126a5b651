"""What near its beginning says that a file is one of kstress."""

GENERATOR = '<meta name="generator" content="kstress '
"""Of a page."""
MARK = "kstress figure"
"""Of a figure."""
