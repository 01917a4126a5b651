"""Text from anywhere made safe for a terminal and for one line; every message and every console uses it."""

import re
from collections.abc import Iterable

SHOWN_CHARACTERS = 200

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, which are commands to a terminal, and bytes of file names that are not UTF-8."""


def escaped(text: str) -> str:
    """The text with control characters and lone surrogates written as escapes; tabs and ends of lines stay."""
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def on_one_line(text: str) -> str:
    """The same, with ends of lines as escapes too."""
    return escaped(text).replace("\n", "\\n")


def shortened(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """The text, or its first `most` characters and how many more it has."""
    return text if len(text) <= most else f"{text[:most]}... and {len(text) - most:,} characters more"


def shown(value: object) -> str:
    """`value` as printable text of at most 200 characters: control characters escaped, the rest cut off."""
    text = str(value)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 3] + "..."
    return text if text.isprintable() else ascii(text)


def listed(values: Iterable[object], most: int = 3) -> str:
    """The first values as printable text, and how many more there are."""
    texts = [shown(value) for value in values]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"


def printable(data: bytes) -> str:
    """Bytes as text on one line: UTF-8 where that can be printed, `\\xNN` elsewhere."""
    text = data.decode(errors="backslashreplace")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
