"""Text of anybody's made fit to stand in a page, a picture or a table."""

from stress.safe_text import printable


def clean(text: str) -> str:
    """Text in which nothing moves a cursor, hides or turns around what is read; lines stay."""
    return "\n".join(printable(line.encode(errors="surrogateescape")) for line in text.split("\n"))
