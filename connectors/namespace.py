"""Make every name under which state is kept: databases, topics, consumer groups, folders. The mode is part of each.

Live and paper must never share a name: a paper run that writes where a live run reads is money lost by a spelling. So
names are made here and nowhere else, and a law over all pairs of modes holds them apart (decisions §4).
"""

import re
from pathlib import Path

from contracts.base import Refused

MODES = ("paper", "shadow", "testnet_probe", "live")
SYSTEM = "polytraders"
REFEED = "refeed"
PLAIN_TOPICS = ("commands", "journal", "envelopes", "outbox", "dead_letters")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,47}")


def checked_mode(mode: str) -> str:
    """Return the mode; raises Refused for anything but a known one, and never assumes a default."""
    if mode not in MODES:
        raise Refused(f"mode {mode!r} is unknown; allowed: {', '.join(MODES)}")
    return mode


def database(mode: str) -> str:
    """Return the name of the database of a mode, as in `polytraders_paper`."""
    return f"{SYSTEM}_{checked_mode(mode)}"


def topic(prefix: str, name: str) -> str:
    """Return the name of a topic, as in `paper.journal`; raises Refused for a topic that the system does not have."""
    if name not in PLAIN_TOPICS:
        raise Refused(f"topic {name!r} is unknown; allowed: {', '.join(PLAIN_TOPICS)}, or raw_topic for a venue")
    return f"{checked_prefix(prefix)}.{name}"


def raw_topic(prefix: str, venue: str) -> str:
    """Return the topic of a venue's raw messages, as in `paper.raw.kalshi`."""
    return f"{checked_prefix(prefix)}.raw.{checked_word('venue', venue)}"


def checked_prefix(prefix: str) -> str:
    """Return what topics begin with: a mode, or a refeed of one as in `paper.refeed.monday`; raises Refused."""
    mode, *rest = str(prefix).split(".")
    if rest and (len(rest) != 2 or rest[0] != REFEED):
        raise Refused(f"prefix {prefix!r} is unknown; allowed: a mode ({', '.join(MODES)}), or MODE.{REFEED}.NAME")
    return ".".join((checked_mode(mode), *rest[:1], *(checked_word("refeed", name) for name in rest[1:])))


def mode_of(prefix: str) -> str:
    """Return the mode of a prefix, as `paper` of `paper.refeed.monday`."""
    return checked_prefix(prefix).partition(".")[0]


def refeeds(mode: str) -> str:
    """Return what every topic of every refeed of a mode begins with, as in `paper.refeed.`."""
    return f"{checked_mode(mode)}.{REFEED}."


def is_under(prefix: str, name: str) -> bool:
    """True for a topic of a prefix; the topics of a mode's refeeds are theirs, not the mode's."""
    own = name.startswith(f"{checked_prefix(prefix)}.")
    return own and (prefix not in MODES or not name.startswith(refeeds(prefix)))


def principal(mode: str, program: str) -> str:
    """Return as whom a program speaks to the broker, as in `paper.market`: a paper program has no live rights."""
    return f"{checked_mode(mode)}.{checked_word('program', program)}"


def consumer_group(mode: str, program: str) -> str:
    """Return the consumer group of a program, as in `polytraders.paper.market`."""
    return f"{SYSTEM}.{checked_mode(mode)}.{checked_word('program', program)}"


def state_folder(root: Path, mode: str, program: str) -> Path:
    """Return where a program keeps its state, as in `ROOT/paper/desk`."""
    return root / checked_mode(mode) / checked_word("program", program)


def checked_word(what: str, text: str) -> str:
    """Return a part of a name; raises Refused for what could be taken for two parts, or for another."""
    if not _WORD.fullmatch(text):
        raise Refused(f"{what} {text!r}; allowed: a lower-case letter, then up to 47 letters, digits or underscores")
    return text
