"""Read the testable claim out of a market's rules by a fixed grammar.

    ambiguity = w_missing * missing / 6 + w_vague * min(1, vague / 3) + w_conflict * conflict, clipped to [0, 1]

Symbols: missing the number of the six fields (authority, deadline with timezone, comparator, threshold, measurement
window, cancel or tie clause) that the text does not name; vague the number of vague terms; conflict 1 when title and
rules name different thresholds, dates or entities, or when an outcome overlaps a sibling that excludes it. The word
lists are versioned: a changed list is a new version, and no model is asked.
An event claim ("wins", "occurs") has its event as threshold and its deadline as window.
Source: rule of intel.resolution_rule_parser; the grammar is this project's own.
"""

import re
from typing import NamedTuple

WORDS_VERSION = "rules-words-1"
FIELDS = ("authority", "deadline", "comparator", "threshold", "window", "cancel")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SCALE = {"k": 1e3, "m": 1e6, "b": 1e9, "million": 1e6, "billion": 1e9, "thousand": 1e3, "": 1.0}
_ABOVE = (
    r"above|over|greater than or equal to|greater than|more than|at least|exceeds?|higher than|at or above|"
    r"reach(?:es)?|hits?"
)
_BELOW = r"below|under|less than or equal to|less than|fewer than|at most|lower than|at or below|drops? to|falls? to"
_NUMBER = r"[$€£]?\s?(\d[\d,]*(?:\.\d+)?)\s?(k|m|b|million|billion|thousand)?\b"
_COMPARED = re.compile(rf"\b({_ABOVE}|{_BELOW})\s+(?:the\s+)?{_NUMBER}", re.I)
_BETWEEN = re.compile(rf"\bbetween\s+{_NUMBER}\s*(?:and|to|-|–)\s*{_NUMBER}", re.I)
_EVENT = re.compile(
    r"\b(wins?|won|is elected|are elected|occurs?|happens?|takes? place|is announced|passes|is signed|reports?|rain)\b",
    re.I,
)
_AUTHORITY = re.compile(
    r"\b(?:according to|as (?:reported|published|announced|determined|recorded) by|official (?:source|results?|data)|"
    r"resolution source|the source (?:is|will be)|determined by|published by|reported by|settles? (?:to|on|against))\b"
    r"|\bif the [A-Z][\w.]*(?: [A-Z][\w.]*)* (?:reports?|publishes|announces)\b",
)
_CITED = re.compile(rf"(?:{_AUTHORITY.pattern})(?: (?:the )?[A-Z][\w.]*(?: [A-Z][\w.]*)*)?")
_ZONE = re.compile(r"\b(?:UTC|GMT|Z|E[SD]?T|C[SD]?T|M[SD]?T|P[SD]?T|CES?T|BST|Eastern(?: Time)?)\b|[+-]\d\d:\d\d\b")
_DATE = re.compile(
    r"\b(\d{4})-(\d\d)-(\d\d)\b"
    r"|\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?\b"
    r"|\b(\d{1,2})\s+(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?:\s+(\d{4}))?\b",
    re.I,
)
_WINDOW = re.compile(
    r"\b(?:closing price|close of|at the close|average (?:of|over|price)|during|at any (?:time|point)|"
    r"between .{3,40} and|in the period|"
    r"(?:final|last) \d+ (?:seconds|minutes|hours)|at \d{1,2}(?::\d\d)?|candle|by \d{1,2}:\d\d|within)\b",
    re.I,
)
_CANCEL = re.compile(
    r"\b(?:cancel+ed|postponed|void(?:ed)?|refund(?:ed)?|tie[ds]?|50[/-]50|resolves? to (?:no|50)|otherwise|"
    r"if no (?:data|result)|fair market price)\b",
    re.I,
)
_VAGUE = re.compile(
    r"\b(?:significant(?:ly)?|substantial(?:ly)?|credible|consensus|material(?:ly)?|generally|reasonabl[ey]|"
    r"major|widely|approximately|appropriate|likely|soon|sole discretion|may consider|or similar|etc)\b",
    re.I,
)
_NAME = re.compile(r"(?<![.?!]\s)(?<!^)\b[A-Z][a-zA-Z]{2,}\b")
_COMMON = frozenset({"will", "yes", "utc", "the", "what", "who", "when", "which", "if", "otherwise", *_MONTHS})
_SUBJECT = re.compile(rf"(?:{_DATE.pattern})|(?:{_NUMBER})|[^a-z0-9 ]+", re.I)


class Claim(NamedTuple):
    """What a text claims: fields (empty: missing), thresholds as (direction, low, high), dates, vague terms."""

    fields: tuple[str, ...]
    levels: tuple[tuple[str, float, float], ...]
    dates: tuple[tuple[int, int, int], ...]
    vague: int

    @property
    def missing(self) -> int:
        """How many of the six fields the text does not name."""
        return sum(not value for value in self.fields)


def _value(digits: str, scale: str | None) -> float:
    return float(digits.replace(",", "")) * _SCALE[(scale or "").lower()]


def levels_in(text: str) -> tuple[tuple[str, float, float], ...]:
    """Return every numeric level with its direction: (above, K, inf), (below, 0, K) or (between, low, high)."""
    found = [("between", _value(m[1], m[2]), _value(m[3], m[4])) for m in _BETWEEN.finditer(text)]
    for match in _COMPARED.finditer(text):
        level = _value(match[2], match[3])
        below = re.fullmatch(_BELOW, match[1], re.I) is not None
        found.append(("below", 0.0, level) if below else ("above", level, float("inf")))
    return tuple(found)


def dates_in(text: str) -> tuple[tuple[int, int, int], ...]:
    """Return every date as (year, month, day); year 0 when the text names none."""
    found = []
    for match in _DATE.finditer(text):
        if match[1]:
            found.append((int(match[1]), int(match[2]), int(match[3])))
        elif match[4]:
            found.append((int(match[6] or 0), _MONTHS.index(match[4].lower()) + 1, int(match[5])))
        else:
            found.append((int(match[9] or 0), _MONTHS.index(match[8].lower()) + 1, int(match[7])))
    return tuple(found)


def read_claim(rules: str) -> Claim:
    """Parse a rules text; never fails, what is not found is missing. About 50 µs."""
    levels, dates = levels_in(rules), dates_in(rules)
    authority, window, cancel = _AUTHORITY.search(rules), _WINDOW.search(rules), _CANCEL.search(rules)
    event, zone = _EVENT.search(rules), _ZONE.search(rules)
    deadline = "-".join(map(str, dates[-1])) if dates and zone else ""
    comparator = levels[0][0] if levels else "occurs" if event else ""
    threshold = f"{levels[0][1]:g}..{levels[0][2]:g}" if levels else event[0] if event else ""
    measured = window[0] if window else deadline if event and not levels else ""
    fields = (authority[0] if authority else "", deadline, comparator, threshold, measured, cancel[0] if cancel else "")
    return Claim(fields, levels, dates, len(_VAGUE.findall(rules)))


def is_contradicted(title: str, rules: str, claim: Claim) -> bool:
    """True when the title names a threshold, a date or an entity that the rules contradict."""
    levels = set(levels_in(title))
    if levels and claim.levels and levels.isdisjoint(claim.levels):
        return True
    dated = dates_in(title)
    if dated and claim.dates and not any(_same_day(day, other) for day in dated for other in claim.dates):
        return True
    named, meant = _names_in(title), _names_in(_CITED.sub(" ", rules))
    return bool(named and meant) and named.isdisjoint(meant)


def _names_in(text: str) -> set[str]:
    """Return the proper names of a text in lower case: capitalised words inside a sentence, months left out."""
    names = {name.lower() for name in _NAME.findall(text)} - _COMMON
    return {name for name in names if name[:3] not in _MONTHS}


def _same_day(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or not one[0] or not other[0])


def overlaps(one: tuple[tuple[str, float, float], ...], other: tuple[tuple[str, float, float], ...]) -> bool:
    """True when two outcomes that should exclude each other share a value: the first levels' open intervals meet."""
    if not one or not other:
        return False
    return max(one[0][1], other[0][1]) < min(one[0][2], other[0][2])


def ambiguity_micros(missing: int, vague: int, conflict: bool, weights: tuple[int, int, int]) -> int:
    """Return the ambiguity in millionths; weights (missing, vague, conflict) in millionths."""
    w_missing, w_vague, w_conflict = weights
    total = w_missing * missing // 6 + w_vague * min(vague, 3) // 3 + w_conflict * conflict
    return min(max(total, 0), 1_000_000)


def subject_of(title: str) -> str:
    """Return the title without numbers, dates and signs: what a ladder's rungs have in common."""
    return " ".join(_SUBJECT.sub(" ", title.lower()).split())
