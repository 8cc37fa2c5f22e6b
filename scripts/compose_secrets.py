"""Make the secrets of infra/compose, once, for who runs the containers: `python -m scripts.compose_secrets [FOLDER]`.

Certificates, a password for each principal of infra/kafka/topics.toml, the access file of each program, the users of
ClickHouse. Each is a file that its owner alone may read. What exists is never overwritten: a broker keeps the passwords
that it was formatted with.
"""

import os
import secrets
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import msgspec

from connectors.access import MECHANISM, Access
from connectors.broker import put_private
from connectors.broker_settings import ADMIN, HOST
from connectors.certificates import make_certificates
from connectors.topic_layout import ROOT, principals, read_layout

FOLDER = ROOT / "infra" / "env" / "secrets"
MODES = ("paper", "shadow")  # of config/deployments/bots.toml and external.toml
BROKER = "kafka"  # the service's name is the host that programs connect to, and a name in its certificate
INSIDE, HERE = f"{BROKER}:9092", f"{HOST}:9094"  # listeners SECURE and HOST of infra/compose/kafka/server.properties
AUTHORITY, SERVER, FORMAT = "authority.pem", "kafka_server.pem", "kafka_format"
USERS, STORE_PASSWORD = "clickhouse_users.xml", "clickhouse.password"
USER = "polytraders"
OWNER = 10001  # who the containers run as where root made the secrets; root itself they never are


def make(folder: Path) -> list[str]:
    """Make everything in a new folder (mode 0700) and return the names of the files; raises OSError."""
    folder.mkdir(mode=0o700, parents=True)
    make_certificates(folder / AUTHORITY, folder / SERVER, HOST, (BROKER,))
    words = ["--cluster-id", "K" + urlsafe_b64encode(secrets.token_bytes(16)).decode()[1:22]]
    layout = read_layout()
    for principal in (ADMIN, *(name for mode in MODES for name in principals(layout, mode))):
        password = secrets.token_urlsafe(24)
        put_private(folder / f"{principal}.password", password + "\n")
        _put_access(folder / f"{principal}.json", INSIDE, principal)
        words += ["--add-scram", f"{MECHANISM}=[name={principal},password={password}]"]
    _put_access(folder / "host.json", HERE, ADMIN)
    put_private(folder / FORMAT, "".join(f"{word}\n" for word in words))
    password = secrets.token_urlsafe(24)
    put_private(folder / STORE_PASSWORD, password + "\n")
    put_private(folder / USERS, users(password))
    return sorted(path.name for path in folder.iterdir())


def users(password: str) -> str:
    """Return ClickHouse's users: one of ours in place of the default one, which has no password."""
    digest = sha256(password.encode()).hexdigest()
    return (
        f'<clickhouse><users><default remove="1"/><{USER}>'
        f"<password_sha256_hex>{digest}</password_sha256_hex>"
        "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
        f"</{USER}></users></clickhouse>\n"
    )


def _put_access(path: Path, bootstrap: str, principal: str) -> None:
    """Write how a principal reaches the broker; password and authority stand beside it, here and in a container."""
    about = Access(bootstrap, principal, f"{principal}.password", AUTHORITY)
    put_private(path, msgspec.json.encode(about).decode() + "\n")


def main(words: list[str]) -> int:
    """Make them and say what to write into `.env`; returns 2, and makes nothing, where the folder is there."""
    folder = Path(words[0]) if words else FOLDER
    if len(words) > 1 or folder.exists():
        print(f"{folder}: exists; allowed: one folder that is to be made", file=sys.stderr)
        return 2
    print(f"{folder}: {len(make(folder))} files")
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        uid, gid = OWNER, OWNER
        for path in (folder, *folder.iterdir()):
            os.chown(path, uid, gid)
    print(f"write into .env: POLYTRADERS_UID={uid} and POLYTRADERS_GID={gid}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
