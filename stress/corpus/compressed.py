"""Reads whole files and inflates `.xz` and `.zst`, in bounded memory; for the importer and the file reader."""

from pathlib import Path
from typing import Protocol

from stress.errors import UserError
from stress.extras import needs
from stress.host.disk import read_whole, refusal
from stress.safe_text import shown

MAX_BYTES = 256 << 20

_CHUNK = 1 << 20


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_bounded(path: Path) -> bytes:
    """The content of a plain file, inflated if its name ends in `.xz` or `.zst`; at most 256 MiB.

    UserError, without the path, if the file cannot be read, is damaged, or is larger before or after inflating.
    """
    try:
        raw = read_whole(path, MAX_BYTES)
        if path.suffix == ".xz":
            return _unxz(raw)
        return _unzstd(raw) if path.suffix == ".zst" else raw
    except (OSError, ValueError) as error:
        raise refusal("cannot be read", error, "name another file") from None
    except MemoryError:
        raise UserError("cannot be read: out of memory; import fewer files at once") from None


def _bounded(stream: _Stream) -> bytes:
    data = bytearray()
    while chunk := stream.read(_CHUNK):
        data += chunk
        _require_size(data)
    return bytes(data)


def _require_size(data: bytes | bytearray) -> None:
    if len(data) > MAX_BYTES:
        raise UserError(f"larger than {MAX_BYTES >> 20} MiB, the limit for one file")


def _unxz(raw: bytes) -> bytes:
    import lzma

    inflater = lzma.LZMADecompressor(memlimit=MAX_BYTES)
    try:
        data = inflater.decompress(raw, MAX_BYTES + 1)
    except lzma.LZMAError as error:
        raise UserError(f"damaged xz file: {shown(error)}") from error
    _require_size(data)
    if not inflater.eof:
        raise UserError("damaged xz file: it ends too early")
    return data


def _unzstd(raw: bytes) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise UserError(needs("this file", "corpus")) from error
    try:
        return _bounded(zstandard.ZstdDecompressor().stream_reader(raw))
    except zstandard.ZstdError as error:
        raise UserError(f"damaged zstd file: {shown(error)}") from error
