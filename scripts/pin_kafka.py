"""Write infra/kafka/jars.toml: resolve a release of Apache Kafka once, and pin every jar it needs with its SHA-256.

`python -m scripts.pin_kafka 4.3.1`. Run by a person who has read the release notes; everybody else gets these files.
"""

import sys
import tempfile
from pathlib import Path

from connectors.kafka_jars import PINNED, fetch, sha256_of

SCALA = "2.13"
# Without a binding for its log the broker says nothing, and a failure leaves nothing to read.
LOG = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3"
HEAD = """# Every jar of the broker: group:artifact:version = SHA-256, by `python -m scripts.pin_kafka {version}`.
# A file with another digest is refused (connectors/kafka_jars.py).
version = "{version}"

[jars]
"""


def main(version: str) -> None:
    """Resolve a version and write the list; raises NoBroker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch([f"org.apache.kafka:kafka_{SCALA}:{version}", LOG], folder, descent=True)
        rows = sorted(f'"{_coordinate(path, folder)}" = "{sha256_of(path)}"\n' for path in folder.rglob("*.jar"))
    PINNED.write_text(HEAD.format(version=version) + "".join(rows), "utf-8")
    print(f"{PINNED.name}: {len(rows)} jars of Apache Kafka {version}")


def _coordinate(path: Path, folder: Path) -> str:
    *group, artifact, version, _ = path.relative_to(folder).parts
    return f"{'.'.join(group)}:{artifact}:{version}"


if __name__ == "__main__":
    main(sys.argv[1])
