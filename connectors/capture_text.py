"""Turn a stored file, plain or gzip, into lines, and notice where it was cut short."""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

CHUNK = 1 << 20
LINE_MAX = 256 << 20
_GZIP = b"\x1f\x8b"
_TIME = b"0123456789.: "


class Cut(Exception):
    """The text ends here and not where it should; `rest` is what came after the last whole line."""

    def __init__(self, reason: str, rest: bytes = b"") -> None:
        """Take the reason, and what was left over."""
        super().__init__(reason)
        self.rest = rest


def chunks(path: Path, used: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the text in pieces; raises Cut where a gzip stream ends early or is damaged. `used` counts stored bytes."""
    with path.open("rb") as file:
        stored = file.read(CHUNK)
        if not stored.startswith(_GZIP):
            while stored:
                used(len(stored))
                yield stored
                stored = file.read(CHUNK)
            return
        member, inside = zlib.decompressobj(wbits=31), False
        while stored:
            used(len(stored))
            while stored:
                inside = True
                try:
                    text = member.decompress(stored, CHUNK)
                except zlib.error as err:
                    raise Cut(f"gzip damaged ({err})") from None
                if text:
                    yield text
                stored = member.unconsumed_tail
                if member.eof:
                    stored = member.unused_data.lstrip(b"\0")
                    member, inside = zlib.decompressobj(wbits=31), False
            stored = file.read(CHUNK)
        if inside:
            raise Cut("gzip ends before its end mark")


def lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield whole lines without their ends; a last line without one counts if it is whole JSON, else raises Cut.

    An arrival time may stand before the JSON.
    """
    rest, count = b"", 0
    try:
        for piece in pieces:
            found = (rest + piece).split(b"\n")
            rest = found.pop()
            count += len(found)
            yield from found
            if len(rest) > LINE_MAX:
                raise Cut(f"line {count + 1} is longer than {LINE_MAX} bytes")
    except Cut as cut:
        raise Cut(f"{cut}; read up to line {count}", rest) from None
    if not rest.strip():
        return
    try:
        msgspec.json.decode(rest.lstrip(_TIME))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Cut(f"line {count + 1} is torn; read up to line {count}", rest) from None
    yield rest
