"""The kill switch of the environment: what engages it and what does not."""

import pytest

from connectors.environment import kill_switch_engaged


@pytest.mark.parametrize("text", ["", "0", "false", "no", "off", " FALSE ", "Off\n", "\tNo", "  "])
def test_words_that_say_no_do_not_engage(text: str) -> None:
    """Empty, 0, false, no and off are not engaged, trimmed and in any case."""
    assert kill_switch_engaged({"BOT_DISABLE_TRADING": text}) is False


@pytest.mark.parametrize("text", ["1", "true", "yes", "on", "engage", "00", "0.0", "nope", "null", "False!", "-"])
def test_everything_else_engages(text: str) -> None:
    """A value that is not one of the words for no is a stop, also a misspelt one."""
    assert kill_switch_engaged({"BOT_DISABLE_TRADING": text}) is True


def test_unset_does_not_engage() -> None:
    """Without the variable trading is not disabled."""
    assert kill_switch_engaged({"BOT_DISABLE_TRADES": "1"}) is False


def test_it_reads_the_process_environment_unless_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called without arguments it looks at the process's own environment, anew each time."""
    monkeypatch.delenv("BOT_DISABLE_TRADING", raising=False)
    assert kill_switch_engaged() is False
    monkeypatch.setenv("BOT_DISABLE_TRADING", "1")
    assert kill_switch_engaged() is True
