"""What was learnt, read back: loaded, compared, reported as a page, printed on a terminal."""
