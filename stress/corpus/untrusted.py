"""Puts text from a file or a command line into a one-line message; every room of `stress.corpus` uses it."""

SHOWN_CHARACTERS = 200


def shown(value: object) -> str:
    """`value` as printable text of at most 200 characters: control characters escaped, the rest cut off."""
    text = str(value)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 3] + "..."
    return text if text.isprintable() else ascii(text)
