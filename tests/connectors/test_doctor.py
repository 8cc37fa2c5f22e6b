"""Each check says ok, warn, bad or unknown for what it sees, and what to do where something is to be done."""

import os
import stat
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from connectors import doctor
from connectors.doctor import BAD, OK, UNKNOWN, WARN
from connectors.processes import started_at
from connectors.scrape import Seen
from connectors.signing import make_key
from connectors.store import Holder, prepare
from connectors.supervisor import alone

ROOT = Path(__file__).resolve().parents[2]


# ---- what runs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("here", "state"), [("3.11.7", OK), ("3.12.0+", OK), ("3.13.1", BAD), ("3.1.12", BAD)])
def test_python(monkeypatch: pytest.MonkeyPatch, here: str, state: str) -> None:
    """3.11 and 3.12 are allowed, whatever their patch; another one says how to come back."""
    monkeypatch.setattr("platform.python_version", lambda: here)
    check = doctor.python()
    assert (state, here, "3.11 or 3.12", state == BAD) == (check.state, check.seen, check.allowed, bool(check.do))


def test_pins_are_read_from_the_lock_or_from_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes, comments and what is optional are no pins; without a lock the release's own word counts."""
    lock = tmp_path / "run.txt"
    lock.write_text("# of run.in\nbytewax==0.21.1 \\\n    --hash=sha256:ab\n    # via x\nruff==1; extra == 'dev'\n")
    assert {"bytewax": "0.21.1"} == doctor.pins_of(lock)
    monkeypatch.setattr(metadata, "requires", lambda name: ["msgspec==0.22.0", "rich>=1", 'x==1; extra == "y"'])
    assert {"msgspec": "0.22.0"} == doctor.pins_of(tmp_path / "none")
    monkeypatch.undo()
    assert {} == doctor.pins_of(tmp_path / "none", "no-such-package-here")
    assert "bytewax" in doctor.pins_of(ROOT / "requirements" / "run.txt")


def test_packages() -> None:
    """As pinned is ok, another version or none is bad and named, and nothing to compare with is unknown."""
    here = metadata.version("bytewax")
    assert (OK, f"1 as pinned: bytewax {here}") == _seen(doctor.packages({"bytewax": here}))
    wrong = {"bytewax": "0.1", "no-such-package-here": "2"}
    wanted = f"bytewax {here}, pinned 0.1; no-such-package-here missing, pinned 2"
    assert (BAD, wanted) == _seen(doctor.packages(wrong))
    assert UNKNOWN == doctor.packages({}).state
    assert "and 3 more" in doctor.packages({f"no-such-package-{n}": "1" for n in range(7)}).seen


# ---- disks and clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "state"), [(4_999, BAD), (5_000, WARN), (9_999, WARN), (10_000, OK)])
def test_a_volume(free: int, state: str) -> None:
    """Under 5 % free is bad, under 10 % a warning."""
    check = doctor.volume("store", "s", 100_000, free)
    assert (state, "disk store", state != OK) == (check.state, check.name, bool(check.do))


def test_a_disk_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    """A folder that is yet to be made is judged by the one above it; a volume of no size is no room."""
    assert doctor.disk("state", tmp_path / "a" / "b").state in (OK, WARN, BAD)
    assert str(tmp_path / "a" / "b") in doctor.disk("state", tmp_path / "a" / "b").seen
    assert BAD == doctor.volume("x", "x", 0, 0).state


@pytest.mark.parametrize(
    ("kernel", "mode", "state"),
    [
        (None, "paper", UNKNOWN),
        ((False, 16_000), "paper", WARN),
        ((False, 16_000), "live", BAD),
        ((True, 500), "live", OK),
        ((True, 501), "paper", BAD),
        ((True, 1_501), "paper", BAD),
    ],
)
def test_the_clock(kernel: tuple[bool, int] | None, mode: str, state: str) -> None:
    """500 ms is allowed, more is bad, more than 1.5 s is told as SAFE; nobody's clock is bad where money is."""
    check = doctor.clock(kernel, mode)
    assert (state, kernel == (True, 1_501)) == (check.state, "SAFE" in check.seen)


def test_the_kernel_is_asked() -> None:
    """The answer is whether somebody keeps the clock and a bound in ms, or nothing."""
    found = doctor.kernel_clock()
    assert found is None or (isinstance(found[0], bool) and found[1] >= 0)


@pytest.mark.parametrize(("ahead", "state"), [(-9_000, OK), (0, OK), (500, OK), (501, BAD), (1_501, BAD)])
def test_the_clock_of_the_broker(ahead: int, state: str) -> None:
    """A record from the future says that one of two clocks is wrong; one from the past says nothing."""
    assert state == doctor.broker_clock(1_000_000 + ahead, 1_000_000).state
    assert UNKNOWN == doctor.broker_clock(0).state


# ---- what is kept --------------------------------------------------------------------------------------------------


def test_a_folder_of_state(tmp_path: Path) -> None:
    """0700 is ok, anything that lets others in is bad, and none yet is not told."""
    folder = tmp_path / "state"
    assert doctor.private("folder", folder) is None
    folder.mkdir(mode=0o700)
    assert OK == doctor.private("folder", folder).state
    folder.chmod(0o750)
    check = doctor.private("folder", folder)
    assert (BAD, f"{folder}: mode 0750, yours", True) == (check.state, check.seen, check.do.startswith("chmod 700"))


def test_the_key_of_a_desk(tmp_path: Path) -> None:
    """Known and private is ok; unknown, open to others or another's is bad; nobody who reads is a warning."""
    path = tmp_path / "orders.pem"
    assert (UNKNOWN, WARN) == (doctor.desk_key(path, {}).state, doctor.desk_key(path, {"a": "b"}).state)
    public = make_key(path)
    line = f'add to [keys.order]: {public.key_id} = "{public.public}"'
    assert (OK, f"{public.key_id}, known to 1 in keys.order") == _seen(doctor.desk_key(path, dict([public])))
    assert (WARN, line) == (doctor.desk_key(path, {}).state, doctor.desk_key(path, {}).do)
    assert (BAD, line) == (doctor.desk_key(path, {"a": "b"}).state, doctor.desk_key(path, {"a": "b"}).do)
    path.chmod(0o640)
    assert BAD == doctor.desk_key(path, dict([public])).state
    assert path.read_text() not in doctor.desk_key(path, dict([public])).seen


def test_keys_of_control() -> None:
    """Without any no command reaches a desk: bad where money is, else a warning."""
    states = [
        doctor.control_keys({}, "live"),
        doctor.control_keys({}, "paper"),
        doctor.control_keys({"a": "b"}, "live"),
    ]
    assert [BAD, WARN, OK] == [check.state for check in states]


def test_a_store(tmp_path: Path) -> None:
    """None yet is unknown; another mode or a folder of something else is bad; who holds it is named."""
    folder = tmp_path / "store"
    assert UNKNOWN == doctor.store(folder, "paper").state
    prepare(folder, "paper")
    assert (OK, f"{folder}: paper, held by nobody") == _seen(doctor.store(folder, "paper"))
    lock = folder / "store.lock"
    lock.write_bytes(msgspec.json.encode(Holder(os.getpid(), started_at(os.getpid()))))
    assert (OK, f"{folder}: paper, held by process {os.getpid()}") == _seen(doctor.store(folder, "paper"))
    lock.write_bytes(msgspec.json.encode(Holder(os.getpid(), "1")))
    assert doctor.store(folder, "paper").seen.endswith("which is gone")
    assert BAD == doctor.store(folder, "live").state
    (folder / "manifest.json").write_text("{}")
    assert BAD == doctor.store(folder, "paper").state


def test_the_supervisor(tmp_path: Path) -> None:
    """Who looks after a state folder is named; nobody is well too."""
    assert (OK, f"{tmp_path}: nobody looks after it") == _seen(doctor.supervisor(tmp_path))
    with alone(tmp_path):
        assert (OK, f"{tmp_path}: process {os.getpid()} looks after it") == _seen(doctor.supervisor(tmp_path))
    assert 0o600 == stat.S_IMODE((tmp_path / "up.lock").stat().st_mode)


# ---- what answers --------------------------------------------------------------------------------------------------


def seen(version: str = "", unwell: str = "", wrong: str = "") -> Seen:
    """Return what a program answered."""
    labels = (("config", "c"), ("program", "market"), ("version", version))
    metrics = {doctor.INFO: {labels: 1.0}} if version else {}
    return Seen("h:1", 0.0, metrics, {"epochs": unwell} if unwell else {}, wrong)


def test_programs_that_answer() -> None:
    """Ready is ok, beginning a warning, unwell bad; silence is bad beside others that answer, else unknown."""
    both = doctor.answering(
        {"market": seen("1"), "desk": seen("1", unwell="none ended"), "record": seen(wrong="refused")}
    )
    assert [OK, BAD, BAD, OK] == [check.state for check in both]
    assert "h:1: epochs: none ended" == both[1].seen
    begins = Seen("h:1", 0.0, {}, {doctor.STARTED: "no epoch has ended yet"}, "")
    assert WARN == doctor.answering({"market": begins})[0].state
    assert [UNKNOWN, UNKNOWN] == [check.state for check in doctor.answering({"market": seen(wrong="refused")})]
    assert [UNKNOWN] == [check.state for check in doctor.answering({})]


def test_mixed_builds_are_bad() -> None:
    """Two versions, or two configurations, are named with their programs."""
    check = doctor.builds({"market": seen("1"), "desk": seen("2"), "record": seen("1")})
    assert (BAD, "market, record: version 1, config c; desk: version 2, config c") == _seen(check)
    assert OK == doctor.builds({"market": seen("1"), "desk": seen("1")}).state


def _seen(check: doctor.Check) -> tuple[str, str]:
    return check.state, check.seen
