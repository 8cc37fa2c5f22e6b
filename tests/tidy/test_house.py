"""Run the rules of the house over the tree, and show every rule a snippet that breaks it."""

import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tidy import house
from tests.tidy.house import RULES, Rule

EXCEPTIONS = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text("utf-8"))["exceptions"]
EXCUSED = {(entry["file"], rule) for entry in EXCEPTIONS for rule in entry["rules"]}
# The list may shrink; a longer one is a decision, and decisions stand in docs/adr/.
EXCUSED_MAX = 14


class Bad(NamedTuple):
    """A snippet that breaks a rule at a line."""

    file: str
    text: str
    line: int


def _function(lines: int) -> str:
    return "def long():\n" + "    x = 1\n" * (lines - 1)


SNIPPETS: dict[str, Bad] = {
    "long_lines": Bad("operators/x.py", "a = 1\nb = " + "1" * 120 + "\n", 2),
    "long_functions": Bad("operators/x.py", "a = 1\n" + _function(61), 2),
    "long_modules": Bad("operators/x.py", "a = 1\n" * 401, 401),
    "long_bots": Bad("bots/risk/x.py", "def decide():\n" + "    a = 1\n" * 80, 1),
    "side_effects": Bad("operators/x.py", "a = 1\nprint(a)\n", 2),
    "edge_imports": Bad("control/x.py", "from datetime import date\nimport time\n", 2),
    "bot_imports": Bad("bots/risk/x.py", "from bots.kit import On\nfrom bots.risk.stale_book import decide\n", 2),
    "loose_types": Bad("operators/x.py", "from typing import Any\n", 1),
    "registry_hosts": Bad("README.md", "fine\nhttps://py" + "pi.org/simple\n", 2),
    "machine_paths": Bad("README.md", "fine\nsee /" + "root/notes.md\n", 2),
    "unfinished": Bad("operators/x.py", "a = 1  # TO" + "DO later\n", 1),
    "openings": Bad("operators/x.py", '"""This module does things."""\n', 1),
    "package_openings": Bad("operators/__init__.py", '"""Operators."""\n', 1),
    "test_sentences": Bad("tests/x/test_x.py", "a = 1\ndef test_nothing():\n    a = 1\n", 2),
}
GOOD: dict[str, str] = {
    "long_lines": "b = " + "1" * 116 + "\n",
    "long_functions": _function(60),
    "long_modules": "a = 1\n" * 400,
    "long_bots": '"""Says.\n\nmuch\n"""\nTABLE = {\n' + "    1: 2,\n" * 90 + "}\ndef decide():\n" + "    a = 1\n" * 79,
    "side_effects": "a = len('print')\n",
    "edge_imports": "from hashlib import sha256\n",
    "bot_imports": "from bots.maths.fees import fee\nfrom bots.kit import On\n",
    "loose_types": "from typing import NamedTuple\n",
    "registry_hosts": "docs.example.org\n",
    "machine_paths": "docs/adr/0001-one-journal.md and ../shared/data\n",
    "unfinished": "a = 1  # done\n",
    "openings": '"""Decide whether a book may be believed.\n\nBecause.\n"""\n',
    "package_openings": '"""The mechanisms.\n\nRead engine.py first.\nImports bots and contracts.\n"""\n',
    "test_sentences": 'def test_sum():\n    """One and one is two."""\n    assert 2 == 1 + 1\n',
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    """Nothing in the tree breaks the rule, exceptions with their reasons aside."""
    broken = [finding for finding in house.findings(rule) if (finding.file, finding.rule) not in EXCUSED]
    assert not broken, f"{rule.find.__doc__}\n" + "\n".join(map(str, broken))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rule_can_fail(rule: Rule) -> None:
    """The rule is for the file shown, finds the line that breaks it, and passes what is good."""
    bad = SNIPPETS[rule.name]
    assert rule.applies(bad.file)
    found = list(rule.find(bad.file, bad.text))
    assert bad.line in [line for line, _ in found]
    assert all(instead for _, instead in found)
    assert list(rule.find(bad.file, GOOD[rule.name])) == []


def test_every_exception_is_needed_and_says_why() -> None:
    """An exception whose file keeps the rule by now is struck off, and the list does not grow in silence."""
    broken = {(finding.file, finding.rule) for rule in RULES for finding in house.findings(rule)}
    idle = sorted(EXCUSED - broken)
    assert not idle, f"strike these from tests/tidy/exceptions.toml: {idle}"
    assert all(entry["why"].strip() for entry in EXCEPTIONS)
    assert len(EXCUSED) <= EXCUSED_MAX, "the list may shrink but not grow without an ADR"
