"""Say how a program reaches a broker: where it is, as whom, and whom it believes. The password stays in its file.

Two clients speak to the broker, one for the data and one for administration, and each has its own words for the same
five things. They are put here once, so that no program can be secure with the one and open with the other.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from contracts.base import Refused

MECHANISM = "SCRAM-SHA-256"
OTHERS = 0o077


class Access(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One way into a broker.

    bootstrap      host:port, or several with commas
    principal      who asks, as in `paper.market`; empty for a listener that asks nobody
    password_file  where that principal's password is; readable by its owner alone
    ca_file        the authority that signed the broker's certificate, PEM
    """

    bootstrap: str
    principal: str = ""
    password_file: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Refuse half an identity: all three of principal, password_file and ca_file, or none."""
        named = [bool(part) for part in (self.principal, self.password_file, self.ca_file)]
        if not self.bootstrap:
            raise ValueError("bootstrap is empty; allowed: host:port")
        if any(named) and not all(named):
            raise ValueError("principal, password_file and ca_file belong together; allowed: all three, or none")

    def password(self) -> str:
        """Return the password; raises Refused for a file that is missing, empty, or that others may read."""
        path = Path(self.password_file)
        try:
            if path.stat().st_mode & OTHERS:
                raise Refused(f"{path}: others may read it; allowed: mode 0600")
            found = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as err:
            raise Refused(f"{path}: password cannot be read ({err})") from None
        if not found:
            raise Refused(f"{path}: is empty; allowed: one line with the password")
        return found


def read_access(path: Path) -> Access:
    """Read an access file (JSON); its files are looked for beside it. Raises Refused naming the file."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Access)
    except OSError as err:
        raise Refused(f"{path}: cannot be read ({err.strerror})") from None
    except msgspec.DecodeError as err:
        raise Refused(f"{path}: {err}; allowed: bootstrap, and principal, password_file, ca_file or none") from None
    if not found.principal:
        return found
    beside = path.resolve().parent
    return Access(
        found.bootstrap, found.principal, str(beside / found.password_file), str(beside / found.ca_file)
    )  # fmt: skip


def kafka_python(access: Access) -> dict[str, object]:
    """Return the settings of kafka-python. They hold the password: never log them."""
    settings: dict[str, object] = {"bootstrap_servers": access.bootstrap.split(",")}
    if access.principal:
        settings |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": access.principal,
            "sasl_plain_password": access.password(),
            "ssl_cafile": access.ca_file,
        }
    return settings


def librdkafka(access: Access) -> dict[str, str]:
    """Return the settings of librdkafka and the clients over it. They hold the password: never log them."""
    settings = {"bootstrap.servers": access.bootstrap}
    if access.principal:
        settings |= {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": MECHANISM,
            "sasl.username": access.principal,
            "sasl.password": access.password(),
            "ssl.ca.location": access.ca_file,
        }
    return settings
