"""Nothing that comes from outside raises, or becomes a value that breaks its contract: guided and drawn campaigns.

Each decoder has a process of its own, as many at a time as there are processors; `tests/fuzz/campaign.py` says how a
failure is replayed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.capture import open_capture
from connectors.capture_crypto import CRYPTO_FORMATS
from connectors.capture_formats import FORMATS
from operators.normalise import DIALECTS
from tests.fuzz import campaign, decoders, seeds
from tests.fuzz.files import lines_files

pytestmark = pytest.mark.campaign
ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = decoders.names()
SOAK_S, QUICK_S = 6 * 3_600, 600
Campaigns = dict[str, "Future[subprocess.CompletedProcess[str]]"]


def started(name: str, runs: int, folder: Path, seconds: int) -> "subprocess.CompletedProcess[str]":
    """Run a campaign to its end."""
    command = [sys.executable, "-m", "tests.fuzz.campaign", name, "--runs", str(runs)]
    settings = os.environ | {"TMPDIR": str(folder), "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=seconds)


def all_of(kind: str, folder: Path, seconds: int) -> Iterator[Campaigns]:
    """Start the campaigns of every decoder, the longest first."""
    sizes = {name: getattr(decoders.size_of(name), kind) for name in NAMES}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        order = sorted(NAMES, key=lambda name: -sizes[name])
        yield {name: pool.submit(started, name, sizes[name], folder, seconds) for name in order}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaigns]:
    """The campaigns of `make test`."""
    yield from all_of("quick", tmp_path_factory.mktemp("quick"), QUICK_S)


@pytest.fixture(scope="module")
def soaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaigns]:
    """The campaigns of `make soak`."""
    yield from all_of("soak", tmp_path_factory.mktemp("soak"), SOAK_S)


def survived(done: "subprocess.CompletedProcess[str]") -> object:
    """Return how many inputs a campaign tried; its own words, with the line that replays it, where it failed."""
    why = "\n".join(line[:400] for line in done.stdout.splitlines())  # last, since long reports are cut in front
    assert done.returncode == 0, f"{done.stdout[-8_000:]}\n{done.stderr[-4_000:]}\n{why}"
    told: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["guided"] is (campaign.guide() is not None)
    print(told)
    return told["inputs"]


@pytest.mark.parametrize("name", NAMES)
def test_a_decoder_survives_hostile_input(name: str, quick: Campaigns) -> None:
    """Every damaged input is read, or refused as the decoder promises; nothing is raised, nothing invalid comes out."""
    assert decoders.size_of(name).quick == survived(quick[name].result())


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_a_decoder_survives_a_long_campaign(name: str, soaking: Campaigns) -> None:
    """The same for twenty million frames each."""
    assert decoders.size_of(name).soak == survived(soaking[name].result())


@pytest.mark.parametrize("name", NAMES)
@given(draw=st.randoms(use_true_random=False))
def test_no_drawn_damage_breaks_a_promise(name: str, draw: Random) -> None:
    """The same promises under hypothesis, which draws the damage and shrinks what breaks them."""
    decoder = made(name)
    data = decoder.damage(draw.choice(decoder.seeds), draw)
    assert decoder.check(data) is None, data.hex()


MADE: dict[str, decoders.Decoder] = {}


def made(name: str) -> decoders.Decoder:
    """Return a decoder, made once."""
    return MADE.setdefault(name, decoders.decoder(name))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_has_seeds_that_are_read(dialect: str) -> None:
    """A dialect nobody gave good messages is not fuzzed: it must have some, and most of them must give facts."""
    found = seeds.frames(dialect)
    assert found, f"{dialect}: no seeds; allowed: messages in tests/fuzz/seeds.py, or a fixture"
    assert f"frames.{dialect}" in NAMES
    assert made(f"frames.{dialect}").probes  # type: ignore[attr-defined]


def test_every_format_of_recordings_has_a_seed(tmp_path: Path) -> None:
    """Each format that is recognised is among the files that are damaged."""
    recognised = set()
    for name, data in lines_files().items():
        path = tmp_path / re.sub(r"\W", "_", name)
        path.write_bytes(data)
        recognised.add(open_capture(path)._form.name)
    assert {form.name for form in (*FORMATS, *CRYPTO_FORMATS)} == recognised


def test_a_planted_defect_is_found_and_said_with_the_line_that_replays_it(tmp_path: Path) -> None:
    """The guidance finds three bytes that no seed holds, and what is printed shows the defect again."""
    if campaign.guide() is None:
        pytest.skip("no atheris for this platform: campaigns run without guidance")
    done = started(decoders.PLANTED, 2_000_000, tmp_path, QUICK_S)
    assert 1 == done.returncode
    assert "ValueError: planted" in done.stdout
    replay = done.stdout.strip().splitlines()[-1].removeprefix("replay: python -m tests.fuzz.campaign ").split()
    assert "237821" == replay[-1][:6]
    assert 1 == campaign.main(replay)
    assert [] == [item for item in tmp_path.iterdir() if item.name.startswith("fuzz-")]
