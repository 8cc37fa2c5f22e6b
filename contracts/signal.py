"""Say what is known: signals, fair values, candidates. Floats are allowed here, finite and quantised when said."""

from contracts.base import Wire
from contracts.units import Count, Index, Ms, Ns, OptionalId, Real, Reason, Share, Text


class SignalReport(Wire):
    """One named number with its error and its time. Read by its name, never by this type.

    signal          the name by which it is read
    value           the number, in the unit that bots/signals.toml names
    label           a word for the value: a regime, a state, UNKNOWN
    se              standard error, in the unit of the value; 0 when it has none
    confidence      between 0 and 1
    horizon_ms      how far ahead it speaks
    valid_until_ns  when it stops being true; 0 for as long as its roots are fresh
    model_version   version of the rule or table behind it
    parts           named numbers behind the value
    refs            ids that the value is about: a cluster, legs, a hash
    reason          its code
    """

    signal: Text
    value: Real
    label: Text
    se: Real
    confidence: Share
    horizon_ms: Ms
    valid_until_ns: Ns
    model_version: Text
    parts: tuple[tuple[Text, Real], ...]
    refs: tuple[Text, ...]
    reason: Reason

    def part(self, name: str) -> float:
        """Return a named part; raises KeyError when the signal has no such part."""
        for key, value in self.parts:
            if key == name:
                return value
        raise KeyError(name)


class FairValue(Wire):
    """A probability or price with an honest band.

    p_micros         pooled probability (or price in millionths), all anchors
    p_model_micros   the same without the traded book; -1 when no other anchor is live
    lower_micros     lower end of the band
    upper_micros     upper end of the band
    se_micros        standard error in millionths of a logit
    anchors          names of the anchors used
    tradable         anchors agree well enough
    model_version    version of the calibration map
    reason           its code
    """

    p_micros: Count
    p_model_micros: Index
    lower_micros: Count
    upper_micros: Count
    se_micros: Count
    anchors: tuple[Text, ...]
    tradable: bool
    model_version: Text
    reason: Reason


class MarketCandidate(Wire):
    """Whether and how an instrument may be traded; each writer fills its own aspect.

    aspect         eligibility, tier or calendar
    eligible       passes the filters of this aspect
    failing        names of the conditions that fail
    tier           A, B, C or empty
    score_milli    quality score in thousandths; -1 withheld
    window         CLEAR, PRE, LIVE, POST, UNKNOWN or empty
    next_event     key of the next event, or empty
    impact         low, medium, high or empty
    reason         its code
    """

    aspect: Text
    eligible: bool
    failing: tuple[Text, ...]
    tier: Text
    score_milli: Index
    window: Text
    next_event: OptionalId
    impact: Text
    reason: Reason
