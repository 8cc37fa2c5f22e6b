"""The policy of a desk: read from its file, checked, and carried by the desk's first entries."""

from pathlib import Path

import pytest

from contracts.base import Refused
from contracts.control import PolicyBundle
from flows.policies import load_policy

GOOD = """
certified_venues = ["kalshi"]
builder_codes = [["kalshi", "lab"]]

[[roles]]
desk_id = "lab"
role = "paper_only"
desk_mode = "paper"
venues = ["kalshi"]
enabled = true
account_mode = "paper_only"
reconciled = true
"""


def written(folder: Path, text: str) -> Path:
    """A configuration with the policy `house`."""
    (folder / "policies").mkdir()
    (folder / "policies" / "house.toml").write_text(text)
    return folder


def test_a_policy_is_read_whole(tmp_path: Path) -> None:
    """Its id is its name, its hash that of its bytes; it states no time of its own."""
    policy = load_policy("house", written(tmp_path, GOOD))
    assert ("house", "config:house", 0, 64) == (
        policy.bundle_id, policy.signed_by, policy.issued_ns, len(policy.bundle_hash),
    )  # fmt: skip
    assert (("kalshi",), (("kalshi", "lab"),), ()) == (policy.certified_venues, policy.builder_codes, policy.keys)
    (role,) = policy.roles
    assert ("lab", "paper_only", True) == (role.desk_id, role.role, role.enabled)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("certified = []", "unknown key 'certified'; allowed: market_ids"),
        ("issued_ns = 5", "unknown key 'issued_ns'"),
        ("denied = [3]", "Expected `str`, got `int` - at `$.denied[0]`"),
        ('[[roles]]\ndesk_id = "lab"', "missing required field `role`"),
        ('[[roles]]\ndesk_id = ""\nrole = "x"\ndesk_mode = "paper"', "length >= 1"),
        ("denied = [", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    """The file, the field, and what is allowed."""
    with pytest.raises(Refused) as found:
        load_policy("house", written(tmp_path, text))
    assert str(tmp_path / "policies" / "house.toml") in str(found.value)
    assert words in str(found.value)


def test_an_unknown_policy_names_the_known(tmp_path: Path) -> None:
    """A missing one is an error, never an empty policy."""
    with pytest.raises(Refused, match=r"policy 'home': unknown; available in .*: house"):
        load_policy("home", written(tmp_path, GOOD))
    assert PolicyBundle is type(load_policy("house", tmp_path))
