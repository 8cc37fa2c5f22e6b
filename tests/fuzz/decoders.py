"""List every decoder that takes bytes from outside, and how many inputs each must survive.

Dialects are taken from the table that the system itself reads by, so a new one is here without being asked for.

A frame is one input; a file holds about ten, so a tenth as many files are read; what a person writes is read once at
the start of a run, and is tried less often.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, Protocol

from operators.normalise import DIALECTS
from tests.fuzz.configured import CONFIGURED
from tests.fuzz.files import FILES
from tests.fuzz.frames import FrameDecoder
from tests.fuzz.stored import STORED

PLANTED = "planted"


class Decoder(Protocol):
    """What a campaign needs of a decoder: good inputs, a way to damage them, and the promises to look at."""

    most: int
    seeds: list[bytes]

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return a damaged input."""

    def check(self, data: bytes) -> None:
        """Try one input; raises for a broken promise."""


class Size(NamedTuple):
    """How many inputs: in `make test`, and in `make soak`."""

    quick: int
    soak: int


FRAMES, PACKED, WRITTEN = Size(100_000, 20_000_000), Size(7_000, 2_000_000), Size(3_000, 500_000)
SIZES = {
    "capture": PACKED,
    "capture.gz": PACKED,
    "capture.quotes": Size(3_000, 500_000),
    "config.desk": WRITTEN,
    "config.set": Size(10_000, 2_000_000),
}


class PlantedDecoder:
    """A decoder with a defect behind three conditions, for the test that shows that the fuzzer finds one."""

    most = 256

    def __init__(self) -> None:
        """Take one seed, far from the defect."""
        self.seeds: list[bytes] = [b'{"price": "0.5", "size": 3}']

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return what came: the guidance alone must find the way."""
        return data

    def check(self, data: bytes) -> None:
        """Break on one short text."""
        if data[:1] == b"#" and data[1:2] == b"x" and data[2:3] == b"!":
            raise ValueError("planted")


def makers() -> dict[str, Callable[[], Decoder]]:
    """Return how to make each decoder, by name."""
    dialects: dict[str, Callable[[], Decoder]] = {
        f"frames.{dialect}": (lambda name=dialect: FrameDecoder(name)) for dialect in DIALECTS
    }
    return {**dialects, **FILES, **STORED, **CONFIGURED}


def names() -> Sequence[str]:
    """Return the names of all decoders."""
    return tuple(makers())


def size_of(name: str) -> Size:
    """Return how many inputs a decoder must survive."""
    return SIZES.get(name, FRAMES)


def decoder(name: str) -> Decoder:
    """Make a decoder; raises KeyError for an unknown name."""
    return PlantedDecoder() if name == PLANTED else makers()[name]()
