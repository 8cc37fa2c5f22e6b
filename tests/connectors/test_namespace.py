"""Hold the names of different modes apart."""

from itertools import combinations
from pathlib import Path

import pytest

from connectors import namespace
from contracts.base import Refused

ROOT = Path("state")


def names(mode: str) -> set[str]:
    """Return every name of a mode."""
    topics = {namespace.topic(mode, name) for name in namespace.PLAIN_TOPICS}
    programs = ("market", "desk", "submit", "govern", "record")
    groups = {namespace.consumer_group(mode, program) for program in programs}
    folders = {str(namespace.state_folder(ROOT, mode, program)) for program in programs}
    principals = {namespace.principal(mode, program) for program in programs}
    topics |= {namespace.topic(f"{mode}.refeed.monday", name) for name in namespace.PLAIN_TOPICS}
    return topics | groups | folders | principals | {namespace.database(mode), namespace.raw_topic(mode, "kalshi")}


@pytest.mark.parametrize(("one", "other"), list(combinations(namespace.MODES, 2)))
def test_two_modes_never_share_a_name(one: str, other: str) -> None:
    """No database, topic, group or folder of one mode is that of another, nor the beginning of it."""
    assert names(one) & names(other) == set()
    assert [(a, b) for a in names(one) for b in names(other) if a.startswith(b) or b.startswith(a)] == []


@pytest.mark.parametrize("mode", namespace.MODES)
def test_the_mode_is_part_of_each_name(mode: str) -> None:
    """Whoever reads a name sees the mode."""
    assert [name for name in names(mode) if mode not in name] == []


@pytest.mark.parametrize("mode", ["", "LIVE", "prod", "paper ", None])
def test_an_unknown_mode_has_no_names(mode: str) -> None:
    """A missing or misspelt mode is refused; there is no default."""
    with pytest.raises(Refused, match="allowed: paper, shadow, testnet_probe, live"):
        namespace.database(mode)


@pytest.mark.parametrize("word", ["", "../live", "a.b", "Kalshi", "x" * 49])
def test_a_word_cannot_change_the_shape_of_a_name(word: str) -> None:
    """A venue or program is one plain word, so no name can be bent into that of another mode."""
    for make in (namespace.raw_topic, namespace.consumer_group, namespace.principal):
        with pytest.raises(Refused, match="lower-case"):
            make("paper", word)
    with pytest.raises(Refused, match="lower-case"):
        namespace.state_folder(ROOT, "paper", word)


def test_an_unknown_topic_is_refused() -> None:
    """The system has the topics it has."""
    with pytest.raises(Refused, match="journal"):
        namespace.topic("paper", "journals")


@pytest.mark.parametrize(
    "prefix", ["paper.refeed", "paper.refeed.", "paper.again.monday", "paper.refeed.a.b", "dev.refeed.a"]
)
def test_a_wrong_prefix_is_refused(prefix: str) -> None:
    """A prefix is a mode, or one refeed of one; nothing else can stand before a topic."""
    with pytest.raises(Refused, match="allowed"):
        namespace.topic(prefix, "journal")


def test_a_refeed_is_of_its_mode_and_beside_it() -> None:
    """A refeed's topics carry the mode, and are not among the mode's own, nor among another refeed's."""
    name = namespace.topic("paper.refeed.monday", "journal")
    assert ("paper", "paper.refeed.") == (namespace.mode_of("paper.refeed.monday"), namespace.refeeds("paper"))
    assert namespace.is_under("paper.refeed.monday", name)
    assert not namespace.is_under("paper", name)
    assert not namespace.is_under("paper.refeed.tuesday", name)
    assert namespace.is_under("paper", "paper.journal")
    assert not namespace.is_under("live", "paper.journal")


def test_names_read_as_documented() -> None:
    """The examples of the docstrings hold."""
    assert namespace.database("paper") == "polytraders_paper"
    assert namespace.topic("paper", "journal") == "paper.journal"
    assert namespace.raw_topic("paper", "kalshi") == "paper.raw.kalshi"
    assert namespace.principal("paper", "market") == "paper.market"
    assert namespace.raw_topic("paper.refeed.monday", "kalshi") == "paper.refeed.monday.raw.kalshi"
    assert namespace.consumer_group("paper", "market") == "polytraders.paper.market"
    assert namespace.state_folder(ROOT, "paper", "desk") == Path("state/paper/desk")
