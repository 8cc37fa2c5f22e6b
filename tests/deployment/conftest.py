"""Give every test of this folder deployments of its own on the session's broker, and recordings cut once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from connectors.broker import Broker
from tests.deployment.packs import Pack, cut
from tests.deployment.running import Site

Sites = Callable[..., Site]
_NUMBERS = count(1)


@pytest.fixture
def sites(broker: Broker, tmp_path: Path) -> Iterator[Sites]:
    """Return a maker of deployments: lane -> venues; they end with the test."""
    with ExitStack() as held:

        def made(lanes: Mapping[str, Sequence[str]], control: str = "") -> Site:
            number = next(_NUMBERS)
            return held.enter_context(Site(broker.plain, tmp_path / f"site{number}", f"site{number}", lanes, control))

        yield made


@pytest.fixture(scope="session")
def short_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Return the first 150 seconds of the demonstration pack: about 7,800 messages."""
    return cut(tmp_path_factory.mktemp("short"), 150)


@pytest.fixture(scope="session")
def long_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Return the first 450 seconds of the demonstration pack: about 23,400 messages."""
    return cut(tmp_path_factory.mktemp("long"), 450)
