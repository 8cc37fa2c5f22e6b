"""Provision the jars of a real Apache Kafka: the pinned list, fetched by Maven once, each file checked, then reused.

A broker that carries orders is not "whatever resolves today": `infra/kafka/jars.toml` names every jar with its SHA-256,
and a file that is not the one that was pinned is refused. Maven brings the files, because it knows its own
registry and its own proxies. The folder appears whole or not at all, so an interrupted download is never a broker.
"""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from hashlib import file_digest
from pathlib import Path

import msgspec
from msgspec import Struct

from connectors.errors import BrokerError, NoBroker
from connectors.whole import part_of

ROOT = Path(__file__).resolve().parent.parent
PINNED = ROOT / "infra" / "kafka" / "jars.toml"
CACHE = ROOT / "build" / "kafka"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
JAVA_LEAST = 17
FETCH_S, ASK_S = 300, 20
LINES_SHOWN = 3
_COORDINATE = re.compile(r"[\w.-]+:[\w.-]+:[\w.-]+")
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>{}</dependencies></project>
"""
_ALONE = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"


class Pinned(Struct, frozen=True, forbid_unknown_fields=True):
    """What a broker is made of.

    version  of Apache Kafka
    jars     group:artifact:version -> SHA-256 of the file, hexadecimal
    """

    version: str
    jars: dict[str, str]


def pinned(path: Path = PINNED) -> Pinned:
    """Read the list of jars; raises BrokerError naming the file."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Pinned)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as err:
        raise BrokerError(f"{path}: {err}; allowed: version, and [jars] with group:artifact:version = sha256") from None
    wrong = [name for name, digest in found.jars.items() if not _is_pin(name, digest)]
    if wrong or not found.jars:
        raise BrokerError(f"{path}: {wrong[:1] or 'no jar'}; allowed: group:artifact:version = 64 hexadecimal digits")
    return found


def _is_pin(coordinate: str, digest: str) -> bool:
    return bool(_COORDINATE.fullmatch(coordinate)) and bool(re.fullmatch(r"[0-9a-f]{64}", digest))


def file_of(coordinate: str) -> str:
    """Return the name of a jar's file, as in `kafka-clients-4.3.1.jar`."""
    _, artifact, version = coordinate.split(":")
    return f"{artifact}-{version}.jar"


def provision(wanted: Pinned | None = None, cache: Path = CACHE) -> Path:
    """Return the folder of the jars, fetched where they are missing or damaged. Costs 0.1 s when they are there.

    Raises NoBroker where Java or Maven is missing or nothing can be fetched, BrokerError for a file of another digest.
    """
    need_java()
    wanted = wanted or pinned()
    folder = cache / f"jars-{wanted.version}"
    if not wrong_in(folder, wanted):
        return folder
    part = part_of(folder)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        fetch(wanted.jars, part)
        if wrong := wrong_in(part, wanted):
            raise BrokerError(f"{wrong[0]}; allowed: the files of infra/kafka/jars.toml, and nothing was installed")
        if wrong_in(folder, wanted):  # nobody else was faster
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
    except OSError as err:
        raise BrokerError(f"{folder}: cannot be made ({err.strerror})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def wrong_in(folder: Path, wanted: Pinned) -> list[str]:
    """Return what is wrong with a folder of jars, a line each: missing, more than was pinned, or another digest."""
    expected = {file_of(coordinate): digest for coordinate, digest in wanted.jars.items()}
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    found = [f"{folder / name}: missing" for name in sorted(expected.keys() - there)]
    found += [f"{folder / name}: not on the list" for name in sorted(there - expected.keys())]
    for name in sorted(expected.keys() & there):
        if (seen := sha256_of(folder / name)) != expected[name]:
            found.append(f"{folder / name}: sha256 is {seen}, pinned is {expected[name]}")
    return found


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def fetch(coordinates: Iterable[str], folder: Path, *, descent: bool = False) -> None:
    """Let Maven put jars into a folder: these alone, or with all they need, then each under its own path.

    Raises NoBroker with Maven's last words. The time limit is 300 s.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise NoBroker("mvn: not found; install Maven, or let a broker be named that runs elsewhere")
    pom = folder / "pom.xml"
    pom.write_text(_pom(coordinates, alone=not descent), "utf-8")
    words = [maven, "-q", "-B", "-C", "-f", str(pom), COPY, f"-DoutputDirectory={folder}"]
    words += [f"-Dmdep.useRepositoryLayout={str(descent).lower()}"]
    code, said = run(words, FETCH_S, NoBroker)
    pom.unlink()
    if code:
        last = " | ".join([line for line in said.splitlines() if line.strip()][:LINES_SHOWN])
        raise NoBroker(f"Maven could not bring the broker's jars (exit code {code}): {last}")


def _pom(coordinates: Iterable[str], *, alone: bool) -> str:
    rows = []
    for coordinate in coordinates:
        group, artifact, version = coordinate.split(":")
        named = f"<groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        rows.append(f"<dependency>{named}{_ALONE if alone else ''}</dependency>")
    return _POM.format("\n".join(rows))


def need_java() -> str:
    """Return the path of Java 17 or later; raises NoBroker saying what is there instead. Costs 0.1 s."""
    java = shutil.which("java")
    if java is None:
        raise NoBroker(f"java: not found; allowed: Java {JAVA_LEAST} or later")
    _, said = run([java, "-version"], ASK_S, NoBroker)
    found = _VERSION.search(said)
    if found is None or int(found[1]) < JAVA_LEAST:
        raise NoBroker(f"{java}: is version {found[1] if found else 'unknown'}; allowed: {JAVA_LEAST} or later")
    return java


def run(words: list[str], limit_s: float, failure: type[BrokerError] = BrokerError) -> tuple[int, str]:
    """Run a program to its end and return its exit code and all it said.

    Raises the failure named for a program that cannot be run, or that takes longer than the limit and is killed.
    """
    try:
        # The words are ours: programs found on the path, and options made here.
        ended = subprocess.run(  # noqa: S603
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise failure(f"{words[0]}: took longer than {limit_s:.0f} s, and was ended") from None
    except OSError as err:
        raise failure(f"{words[0]}: cannot be run ({err.strerror})") from None
    return ended.returncode, ended.stdout + ended.stderr
