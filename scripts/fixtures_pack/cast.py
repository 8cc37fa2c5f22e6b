"""Name the markets of the pack: how each behaves, what it asks, how it resolves. All of it is invented."""

from dataclasses import dataclass, replace

from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.ladder import Ladder, Mood, Step, tapered, tenth_cent, whole_cent
from scripts.fixtures_pack.recorder import Actor

HOSTILE_TITLE = "<img src=x onerror=alert(1)>"
YEAR_END = "2026-12-31 23:59 UTC"
YEAR_END_NS = 1_798_761_540_000_000_000
BILL_END_NS = 1_797_638_340_000_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One market: its wire name, its words, its manners.

    name       the ticker, or the slug where the venue knows markets by number
    event      the venue's event
    series     the venue's series
    title      the venue's title
    rules      the resolution rules
    expiry_ns  end of trading
    gap_ms     mean time between two things that happen
    step       price step by price, in mills
    mood       how it moves
    volume     hundredths of a contract traded before the pack begins
    """

    name: str
    event: str
    series: str
    title: str
    rules: str
    expiry_ns: int
    gap_ms: int
    step: Step
    mood: Mood
    volume: int = 0

    def actor(self) -> Actor:
        """Return the market's place on stage."""
        return Actor(self.name, self.title, self.rules, self.gap_ms, volume=self.volume,
                     last_mills=self.mood.path[0][1] // 10 * 10, last_size=1_000)  # fmt: skip

    def ladder(self, seed: int) -> Ladder:
        """Return its book, not yet opened, with a mood of its own: the play may change it."""
        return Ladder(replace(self.mood), self.step, Chance(seed, self.name))


def rules(claim: str, authority: str, window: str, deadline: str, cancel: str) -> str:
    """Write resolution rules that leave nothing open: claim, authority, window, deadline, cancellation."""
    return (
        f"This market resolves to Yes if {claim}; otherwise it resolves to No. "
        f"The resolution source is {authority}. It is measured during the window {window}. "
        f"The deadline is {deadline}. {cancel}"
    )


_NOT_PUBLISHED = "If no value is published by the deadline, the event is cancelled and the market resolves to No."
_WEATHER = "the daily climate report published by the National Demo Weather Service"
_DAY = "from 2026-12-31 00:00 UTC to 2026-12-31 23:59 UTC"
_MONTH = "from 2026-12-01 00:00 UTC to 2026-12-31 23:59 UTC"

KALSHI: tuple[Part, ...] = (
    Part(
        "KXDEMOTEMP-26DEC31-T45", "KXDEMOTEMP-26DEC31", "KXDEMOTEMP",
        "Will the highest temperature in Demo City be above 45 on 2026-12-31?",
        rules("the highest temperature recorded in Demo City is above 45 degrees", _WEATHER, _DAY, YEAR_END,
              _NOT_PUBLISHED),
        YEAR_END_NS, 150, whole_cent,
        Mood(((0, 520), (400, 545), (800, 500), (1_500, 530)), spread=14, noise=260, depth=700, deals=75),
        volume=62_000_000,
    ),
    Part(
        "KXDEMOTEMP-26DEC31-T50", "KXDEMOTEMP-26DEC31", "KXDEMOTEMP",
        "Will the highest temperature in Demo City be above 50 on 2026-12-31?",
        rules("the highest temperature recorded in Demo City is above 50 degrees", _WEATHER, _DAY, YEAR_END,
              _NOT_PUBLISHED),
        YEAR_END_NS, 180, whole_cent,
        Mood(((0, 380), (500, 400), (1_000, 365), (1_500, 385)), spread=15, noise=260, depth=600, deals=75),
        volume=55_000_000,
    ),
    Part(
        "KXDEMORATE-26DEC31-CUT", "KXDEMORATE-26DEC31", "KXDEMORATE",
        "Will the Demo Central Bank cut its rate by at least 0.50 by 2026-12-31?",
        rules("the policy rate is cut by at least 0.50 percentage points",
              "the rate statement published by the Demo Central Bank", _MONTH, YEAR_END, _NOT_PUBLISHED),
        YEAR_END_NS, 420, tapered,
        Mood(((0, 83), (700, 78), (1_500, 86)), spread=6, noise=60, depth=900, levels=10, deals=50),
        volume=31_000_000,
    ),
    Part(
        "KXDEMOCOIN-26DEC31-T100", "KXDEMOCOIN-26DEC31", "KXDEMOCOIN",
        "Will the Demo Coin index be above 100000 on 2026-12-31?",
        rules("the Demo Coin index is above 100000 dollars", "the reference rate published by Demo Benchmarks",
              "from 2026-12-31 23:00 UTC to 2026-12-31 23:59 UTC", YEAR_END, _NOT_PUBLISHED),
        YEAR_END_NS, 330, tenth_cent,
        Mood(((0, 470), (900, 475), (903, 610), (1_500, 590)), spread=9, noise=420, depth=400, levels=12, deals=70),
        volume=48_000_000,
    ),
    Part(
        "KXDEMOBILL-26DEC18-PASS", "KXDEMOBILL-26DEC18", "KXDEMOBILL",
        "Will the Demo Parliament pass at least 1 budget bill by 2026-12-18?",
        rules("the Demo Parliament passes at least 1 budget bill",
              "the official record published by the Demo Parliament",
              "from 2026-11-01 00:00 UTC to 2026-12-18 23:59 UTC", "2026-12-18 23:59 UTC",
              "If the session is cancelled or postponed beyond the deadline, the market resolves to No."),
        BILL_END_NS, 450, whole_cent,
        Mood(((0, 650), (1_500, 630)), spread=19, noise=330, depth=350, deals=60),
        volume=29_000_000,
    ),
    Part(
        "KXDEMOGAME-26DEC31-HOME", "KXDEMOGAME-26DEC31", "KXDEMOGAME",
        "Will Demo United score more than 2 goals by 2026-12-31?",
        rules("Demo United scores more than 2 goals in its league match",
              "the match report published by the Demo League", "from 2026-11-20 00:00 UTC to 2026-12-31 23:59 UTC",
              YEAR_END, "If the match is cancelled or abandoned, the market resolves to No."),
        YEAR_END_NS, 210, whole_cent,
        Mood(((0, 560), (1_200, 575), (1_206, 880), (1_260, 960), (1_500, 985)), spread=14, noise=260, depth=650,
             deals=80),
        volume=44_000_000,
    ),
)  # fmt: skip

POLYMARKET: tuple[Part, ...] = (
    Part(
        "demo-inflation-above-3", "demo-inflation", "", "Will Demo Republic inflation be above 3 by 2026-12-31?",
        rules("annual inflation in the Demo Republic is above 3 percent",
              "the consumer price report published by the Demo Statistics Office", _MONTH, YEAR_END, _NOT_PUBLISHED),
        YEAR_END_NS, 260, whole_cent,
        Mood(((0, 450), (600, 475), (1_500, 440)), spread=14, noise=270, depth=800, deals=80),
    ),
    Part(
        "demo-launch-before-2027", "demo-launch", "", "Will Demo Space launch at least 3 rockets by 2026-12-31?",
        rules("Demo Space launches at least 3 rockets", "the launch log published by the Demo Space Agency", _MONTH,
              YEAR_END, "If the programme is cancelled before the deadline, the market resolves to No."),
        YEAR_END_NS, 480, whole_cent,
        Mood(((0, 925), (600, 945), (780, 966), (1_500, 972)), spread=14, noise=140, depth=500, levels=7, deals=60),
    ),
    Part(
        "demo-summit-more-than-20", "demo-summit", "",
        "Will more than 20 members sign at the Demo Summit by 2026-12-31?",
        rules("more than 20 members sign the closing text of the Demo Summit",
              "the register published by the Demo Summit secretariat",
              "from 2026-11-20 00:00 UTC to 2026-12-31 23:59 UTC", YEAR_END,
              "If the summit is cancelled or postponed beyond the deadline, the market resolves to No."),
        YEAR_END_NS, 300, whole_cent,
        Mood(((0, 610), (1_080, 590), (1_140, 570), (1_146, 150), (1_250, 40), (1_500, 15)), spread=15, noise=280,
             depth=600, deals=80),
    ),
    Part(
        "demo-hostile-title", "demo-hostile", "", HOSTILE_TITLE,
        rules("at least 5 reviewers report the demonstration", "the audit published by the Demo Institute", _MONTH,
              YEAR_END, "If the audit is cancelled, the market resolves to No."),
        YEAR_END_NS, 420, whole_cent,
        Mood(((0, 300), (1_500, 320)), spread=15, noise=260, depth=500, levels=8, deals=70),
    ),
)  # fmt: skip
