"""Name every unit once, with its bounds, for both validators.

A bound stands here and nowhere else: msgspec reads `Meta` when it decodes, pydantic reads `Field` when it validates
or describes. Integers only; money is never a float. Floats are allowed in signals, and there finite.
"""

from typing import Annotated

from msgspec import Meta
from pydantic import Field

MAX_INT = (1 << 63) - 1
TICKS_MAX = 1 << 40  # spot books carry asks a hundred thousand times the price, on grids of 10^-8

Ticks = Annotated[
    int,
    Meta(ge=0, le=TICKS_MAX, description="price in the instrument's own ticks"),
    Field(ge=0, le=TICKS_MAX, strict=True, description="price in the instrument's own ticks"),
]
Lots = Annotated[
    int,
    Meta(ge=0, le=MAX_INT, description="size in the instrument's own lots"),
    Field(ge=0, le=MAX_INT, strict=True, description="size in the instrument's own lots"),
]
SignedLots = Annotated[
    int,
    Meta(ge=-MAX_INT, le=MAX_INT, description="signed size in the instrument's own lots"),
    Field(ge=-MAX_INT, le=MAX_INT, strict=True, description="signed size in the instrument's own lots"),
]
Micros = Annotated[
    int,
    Meta(ge=-MAX_INT, le=MAX_INT, description="millionths of the quote currency"),
    Field(ge=-MAX_INT, le=MAX_INT, strict=True, description="millionths of the quote currency"),
]
PositiveMicros = Annotated[
    int,
    Meta(ge=1, le=MAX_INT, description="millionths, above zero"),
    Field(ge=1, le=MAX_INT, strict=True, description="millionths, above zero"),
]
ProbMicros = Annotated[
    int,
    Meta(ge=0, le=1_000_000, description="probability in millionths"),
    Field(ge=0, le=1_000_000, strict=True, description="probability in millionths"),
]
Milli = Annotated[
    int,
    Meta(ge=0, le=1_000, description="share in thousandths"),
    Field(ge=0, le=1_000, strict=True, description="share in thousandths"),
]
Ns = Annotated[
    int,
    Meta(ge=0, le=MAX_INT, description="nanoseconds since 1970-01-01 UTC"),
    Field(ge=0, le=MAX_INT, strict=True, description="nanoseconds since 1970-01-01 UTC"),
]
Ms = Annotated[
    int,
    Meta(ge=0, le=10_000_000_000_000, description="milliseconds"),
    Field(ge=0, le=10_000_000_000_000, strict=True, description="milliseconds"),
]
Count = Annotated[
    int,
    Meta(ge=0, le=MAX_INT, description="a number of things"),
    Field(ge=0, le=MAX_INT, strict=True, description="a number of things"),
]
Number = Annotated[
    int,
    Meta(ge=-MAX_INT, le=MAX_INT, description="a number in the unit its owner states"),
    Field(ge=-MAX_INT, le=MAX_INT, strict=True, description="a number in the unit its owner states"),
]
Index = Annotated[
    int,
    Meta(ge=-1, le=MAX_INT, description="place in a table of the journal; -1 means none"),
    Field(ge=-1, le=MAX_INT, strict=True, description="place in a table of the journal; -1 means none"),
]
Side = Annotated[
    int,
    Meta(ge=-1, le=1, description="1 buy or bid, -1 sell or ask, 0 unknown"),
    Field(ge=-1, le=1, strict=True, description="1 buy or bid, -1 sell or ask, 0 unknown"),
]
Real = Annotated[
    float,
    Meta(ge=-1e300, le=1e300, description="a finite number; signals only"),
    Field(ge=-1e300, le=1e300, allow_inf_nan=False, strict=True, description="a finite number; signals only"),
]
Share = Annotated[
    float,
    Meta(ge=0.0, le=1.0, description="between 0 and 1; signals only"),
    Field(ge=0.0, le=1.0, allow_inf_nan=False, strict=True, description="between 0 and 1; signals only"),
]
Text = Annotated[str, Meta(max_length=4_096), Field(max_length=4_096, strict=True)]
LongText = Annotated[str, Meta(max_length=100_000), Field(max_length=100_000, strict=True)]
Id = Annotated[
    str,
    Meta(min_length=1, max_length=128, description="an identifier"),
    Field(min_length=1, max_length=128, strict=True, description="an identifier"),
]
OptionalId = Annotated[
    str,
    Meta(max_length=128, description="an identifier, or empty for none"),
    Field(max_length=128, strict=True, description="an identifier, or empty for none"),
]
# In Python's dialect `$` also stands before a last newline; `\Z` does not. The schema keeps the common dialect's `$`.
HASH_PATTERN = "^[0-9a-f]{64}$"
Hash = Annotated[
    str,
    Meta(pattern=HASH_PATTERN[:-1] + r"\Z", description="SHA-256 in hexadecimal"),
    Field(pattern=HASH_PATTERN, strict=True, description="SHA-256 in hexadecimal"),
]
KEY_ID_PATTERN = "^[0-9a-f]{16}$"
KeyId = Annotated[
    str,
    Meta(pattern=KEY_ID_PATTERN[:-1] + r"\Z", description="first digits of the SHA-256 of a public key"),
    Field(pattern=KEY_ID_PATTERN, strict=True, description="first digits of the SHA-256 of a public key"),
]
SIGNATURE_PATTERN = "^[0-9a-f]{128}$"
Signature = Annotated[
    str,
    Meta(pattern=SIGNATURE_PATTERN[:-1] + r"\Z", description="Ed25519 signature in hexadecimal"),
    Field(pattern=SIGNATURE_PATTERN, strict=True, description="Ed25519 signature in hexadecimal"),
]
BuilderCode = Annotated[
    str,
    Meta(min_length=1, max_length=66, description="whose flow this is; never empty"),
    Field(min_length=1, max_length=66, strict=True, description="whose flow this is; never empty"),
]
REASON_PATTERN = "^(INTEL|DISC|STRAT|RISK|EXEC|SEC|GOV)_[A-Z0-9_]+$"
Reason = Annotated[
    str,
    Meta(pattern=REASON_PATTERN[:-1] + r"\Z", description="a registered reason code"),
    Field(pattern=REASON_PATTERN, strict=True, description="a registered reason code"),
]
