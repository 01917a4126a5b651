"""The colours of pages and pictures: one colour means one thing, and each has another shade for the night."""

INK, FAINT, DIM = "#1b1f24", "#d0d7de", "#59636e"
BAD, GOOD = "#b3261e", "#116329"
"""What is forbidden or worse, and what is acceptable or better; tables and the answer use the same two."""
DAY = ("#0b62b8", "#c2410c", "#0f7b7b", "#8b3fb0", "#8a6100", "#b3268e")
NIGHT = ("#58a6ff", "#ff9a5c", "#3fcfd0", "#d2a8ff", "#e3b341", "#ff85d6")
SCENARIOS = dict(zip(DAY, NIGHT, strict=True))
"""The colour of each scenario by day and by night. A scenario has the same one in all pictures of a page."""
DARK = {**SCENARIOS, INK: "#e6edf3", FAINT: "#30363d", DIM: "#9198a1", BAD: "#ff7b72", GOOD: "#56d364"}
"""What the page makes of each colour at night."""
