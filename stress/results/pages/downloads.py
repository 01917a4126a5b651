"""Data that a page carries with it, for a reader who has the page alone: links that hold a whole file.

A `data:` link with a name to save it by works without a script and without the network. It makes the page larger, so
there is a bound on its size.
"""

import base64

import attrs

LARGEST_BYTES = 400_000


@attrs.frozen
class Download:
    """A file in a link: its name, its size in kB and the address that holds it."""

    name: str
    size: str
    address: str


def download(name: str, kind: str, text: str) -> Download | None:
    """A text as a link, of a media type like text/csv; None for one that is too large for a page."""
    data = text.encode(errors="backslashreplace")
    if len(data) > LARGEST_BYTES:
        return None
    encoded = base64.b64encode(data).decode()
    return Download(name, f"{max(len(data) / 1000, 1):,.0f} kB", f"data:{kind};base64,{encoded}")
