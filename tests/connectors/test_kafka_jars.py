"""The broker's jars are exactly those that were pinned: fetched once, checked each time, and whole or not there."""

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from connectors import kafka_jars
from connectors.errors import BrokerError, NoBroker
from connectors.kafka_jars import Pinned, file_of, pinned, provision, wrong_in

ONE, TWO = "org.one:one:1.0", "org.two:two:2.0"


def brought(content: dict[str, bytes]) -> Pinned:
    """Return a list that pins these contents."""
    return Pinned("4.0.0", {name: sha256(data).hexdigest() for name, data in content.items()})


@pytest.fixture
def maven(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Put a registry of two jars in Maven's place; counts the fetches under `calls`."""
    served = {ONE: b"one", TWO: b"two", "calls": b""}

    def fetch(coordinates: dict[str, str], folder: Path, *, descent: bool = False) -> None:
        del descent
        served["calls"] += b"."
        for coordinate in coordinates:
            (folder / file_of(coordinate)).write_bytes(served[coordinate])

    monkeypatch.setattr(kafka_jars, "fetch", fetch)
    monkeypatch.setattr(kafka_jars, "need_java", lambda: "java")
    return served


def test_the_list_names_a_broker_and_its_log() -> None:
    """Kafka 4 of one version, with a binding for its log: without one a failure leaves nothing to read."""
    found = pinned()
    artifacts = {name.split(":")[1]: name.split(":")[2] for name in found.jars}
    assert found.version.startswith("4.")
    assert {found.version} == {version for name, version in artifacts.items() if name.startswith("kafka")}
    assert "log4j-slf4j-impl" in artifacts
    assert len(found.jars) == len({file_of(name) for name in found.jars})


def test_jars_are_fetched_once_and_reused(tmp_path: Path, maven: dict[str, bytes]) -> None:
    """The second call finds what the first brought, and asks nobody."""
    wanted = brought({ONE: b"one", TWO: b"two"})
    folder = provision(wanted, tmp_path)
    assert folder == provision(wanted, tmp_path)
    assert ({"one-1.0.jar", "two-2.0.jar"}, b".") == ({path.name for path in folder.iterdir()}, maven["calls"])
    assert [folder] == list(tmp_path.iterdir())


def test_a_file_with_another_digest_is_refused(tmp_path: Path, maven: dict[str, bytes]) -> None:
    """What a registry serves today is not installed when it is not what was pinned, and nothing is left behind."""
    with pytest.raises(BrokerError, match=r"two-2\.0\.jar: sha256 is .*, pinned is ") as caught:
        provision(brought({ONE: b"one", TWO: b"what was meant"}), tmp_path)
    assert not isinstance(caught.value, NoBroker)
    assert ([], b".") == (list(tmp_path.iterdir()), maven["calls"])


@pytest.mark.parametrize("harm", ["changed", "missing", "more"])
def test_a_damaged_cache_is_fetched_again(tmp_path: Path, maven: dict[str, bytes], harm: str) -> None:
    """A jar that was changed, lost or added since is noticed before Java sees it."""
    wanted = brought({ONE: b"one", TWO: b"two"})
    folder = provision(wanted, tmp_path)
    if harm == "missing":
        (folder / "one-1.0.jar").unlink()
    else:
        (folder / ("one-1.0.jar" if harm == "changed" else "evil.jar")).write_bytes(b"evil")
    assert 1 == len(wrong_in(folder, wanted))
    assert folder == provision(wanted, tmp_path)
    assert ([], b"..") == (wrong_in(folder, wanted), maven["calls"])


def test_a_fetch_that_was_cut_off_is_no_broker(tmp_path: Path, maven: dict[str, bytes]) -> None:
    """A registry that fails half way leaves no folder that a later start could take for whole."""
    del maven[TWO]
    with pytest.raises(KeyError):
        provision(brought({ONE: b"one", TWO: b"two"}), tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_no_maven_is_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Maven is named as such: the tests may then take the mock."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(NoBroker, match="mvn: not found"):
        kafka_jars.fetch([ONE], tmp_path)
    with pytest.raises(NoBroker, match="java: not found; allowed: Java 17 or later"):
        kafka_jars.need_java()


def test_a_maven_that_fails_is_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maven's exit code and first words are in the message."""
    mvn = tmp_path / "mvn"
    mvn.write_text("#!/bin/sh\necho unreachable host\nexit 3\n")
    mvn.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(mvn))
    with pytest.raises(NoBroker, match=r"exit code 3\): unreachable host"):
        kafka_jars.fetch([ONE], tmp_path)


@pytest.mark.parametrize(
    ("version", "fits"), [("1.8.0_402", False), ("11.0.2", False), ("17.0.15", True), ("21", True), ("", False)]
)
def test_java_must_be_17(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, fits: bool) -> None:
    """Kafka 4 runs on Java 17 or later; an older one, or one that says nothing, is refused by its number."""
    java = tmp_path / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(java))
    if fits:
        assert str(java) == kafka_jars.need_java()
    else:
        with pytest.raises(NoBroker, match="allowed: 17 or later"):
            kafka_jars.need_java()


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    """Every program that is run has a time limit."""
    with pytest.raises(BrokerError, match="took longer than 0 s"):
        kafka_jars.run(["sleep", "20"], 0.2)
    with pytest.raises(NoBroker, match="cannot be run"):
        kafka_jars.run([str(tmp_path / "none")], 1, NoBroker)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'version = "4"\n[jars]\n',
        'version = "4"\n[jars]\n"a:b" = "' + "0" * 64 + '"',
        'version = "4"\n[jars]\n"a:b:c" = "0"',
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, text: str) -> None:
    """A list without jars, a name that is no coordinate, a digest that is none."""
    path = tmp_path / "jars.toml"
    path.write_text(text)
    with pytest.raises(BrokerError, match=r"jars\.toml: "):
        pinned(path)
