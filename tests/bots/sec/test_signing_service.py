"""sec.signing_service: a request only for an order with everything that it needs."""

from hashlib import sha256

import pytest

from bots.registry import library
from bots.sec import signing_service as service
from bots.sec.signing_service import PRESIGN, Config, Requests
from contracts.base import write
from contracts.control import ALLOW, BLOCK, CLOSE_ONLY, FLATTEN
from contracts.intent import APPROVE, NO_LIMIT, REJECT, RESHAPE, BotNote, RiskVote
from contracts.order import CANCEL, AuthorisedOrder, SignedOrderRequest
from contracts.payloads import payload_of
from contracts.reasons import SEC_SIGN_DUPLICATE, SEC_SIGN_REFUSED, SEC_SIGNED, SEC_SIGNER_UNAVAILABLE
from tests import world
from tests.bots.sec.policies import CODE, TOKEN, clob_child, key, policy
from tests.world import MS, NOW

DEFAULT = Config()
DIGEST = "0123456789abcdef"
PAPER = world.desk(gates_digest=DIGEST)
LIVE = world.desk(gates_digest=DIGEST, desk_mode="live", account="main")
KEYS = (key(key_ref="k0", venue_id="bitget"), key(key_ref="live", desk_mode="live", account="main"), key())


def votes(*without, place=1, **changes):
    """Return the eight pre-sign votes, the key's naming a place in the register; `changes` are of the first."""
    cast = [RiskVote(gate, APPROVE, "SEC_KEY_OK", place, 1) for gate in PRESIGN if gate not in without]
    cast[0] = RiskVote(**{"gate": cast[0].gate, "verdict": APPROVE, "reason": "X", "seen": 0, "limit": 0} | changes)
    return tuple(cast)


def asked(child=None, state=None, cast=None, desk=LIVE, definition=None, config=DEFAULT, now=NOW, **readings):
    """Return state and answers to one authorised order of the live desk at Kalshi."""
    order = AuthorisedOrder("i", "p", world.STRATEGY, child or world.child(), votes() if cast is None else cast, DIGEST)
    safety = readings.get("safety", world.safety())
    said = readings.get("said", policy(keys=KEYS))
    return service.request(
        config, state or Requests(), order, definition or world.definition(), safety, said, desk, now
    )


def notes(*args, **kwargs):
    """Return the reasons said, and how many requests were made."""
    answers = asked(*args, **kwargs)[1]
    made = [answer for answer in answers if isinstance(answer, SignedOrderRequest)]
    return [answer.reason for answer in answers if isinstance(answer, BotNote)], len(made)


def refused(*args, **kwargs):
    """Return the place of what was missing, when the request was refused for it."""
    state, answers = asked(*args, **kwargs)
    assert [type(answer) for answer in answers] == [BotNote]
    assert (answers[0].reason, state.kept) == (SEC_SIGN_REFUSED, ())
    return answers[0].seen


def test_normal():
    """All votes APPROVE, code set: request, SEC_SIGNED, with signature null, the payload's digest and the votes'."""
    state, (made, note) = asked()
    assert note == BotNote(SEC_SIGNED)
    assert made == SignedOrderRequest(
        client_order_id=world.child().client_order_id,
        payload_hash=payload_of(world.child(), world.definition()).digest,
        signature=None,
        key_ref="live",
        builder_code="lab",
        vote_digests=tuple(sha256(write(vote)).hexdigest() for vote in votes()),
    )
    assert state.kept == (made,)


def test_warning():
    """Same client_order_id again: stored request, SEC_SIGN_DUPLICATE; another content under it is refused."""
    state, (made, _) = asked()
    again, answers = asked(state=state, cast=votes(seen=7))
    assert answers == (made, BotNote(SEC_SIGN_DUPLICATE))
    assert again is state
    other, answers = asked(world.child(size_lots=1), state=state)
    assert (other, answers) == (state, (BotNote(SEC_SIGN_REFUSED, service.CONTENT, 8),))


def test_hard():
    """Builder code missing: nothing, SEC_SIGN_REFUSED, wherever the venue carries one."""
    said = policy(keys=(key(venue_id="polymarket", desk_mode="live", account="main"),))
    right, other = clob_child(), clob_child(builder_code="0x" + "cd" * 32)
    cast = votes(place=0)
    assert notes(right, definition=TOKEN, said=said, cast=cast) == ([SEC_SIGNED], 1)
    assert refused(other, definition=TOKEN, said=said, cast=cast) == service.BUILDER
    uncommitted = policy(keys=said.keys, builder_codes=())
    assert refused(right, definition=TOKEN, said=uncommitted, cast=cast) == service.BUILDER
    assert refused(said=policy(keys=KEYS, builder_codes=(("kalshi", CODE),))) == service.BUILDER


def test_failure():
    """Key reference not reachable: nothing, SEC_SIGNER_UNAVAILABLE, and nothing is remembered."""
    for cast, said in (
        (votes(place=-1), policy(keys=KEYS)),
        (votes(place=9), policy(keys=KEYS)),
        (votes(place=0), policy(keys=KEYS)),
        (votes(place=2), policy(keys=KEYS)),
        (votes(), policy(keys=())),
        (votes(), None),
    ):
        assert notes(cast=cast, said=said) == ([SEC_SIGNER_UNAVAILABLE], 0)
        assert asked(cast=cast, said=said)[0] == Requests()


def test_the_gates_are_those_of_the_library():
    """The names of the pre-sign gates and their order are the library's."""
    assert library().presign_gates == PRESIGN


@pytest.mark.parametrize("gate", PRESIGN)
def test_live_needs_every_vote(gate):
    """Without any one of the eight votes, or with them in another order, nothing is requested in live."""
    assert refused(cast=votes(gate)) == service.VOTES
    assert refused(cast=votes()[::-1]) == service.VOTES
    cast = tuple(RiskVote(v.gate, REJECT if v.gate == gate else APPROVE, "X", v.seen, 0) for v in votes())
    assert refused(cast=cast) == service.VOTES
    assert refused(cast=cast, desk=PAPER) == service.VOTES


def test_an_order_stays_inside_what_the_votes_left():
    """A vote that cut the size, or forced to rest or to reduce, binds the order."""
    for change, child in (
        ({"verdict": RESHAPE, "size_lots_max": 999}, world.child(size_lots=999)),
        ({"reduce_only": True}, world.child(reduce_only=True)),
        ({"post_only": True}, world.child()),
    ):
        assert notes(child, cast=votes(**change)) == ([SEC_SIGNED], 1)
    assert refused(cast=votes(verdict=RESHAPE, size_lots_max=999)) == service.BOUNDS
    assert refused(cast=votes(reduce_only=True)) == service.BOUNDS
    assert refused(world.child(post_only=False), cast=votes(post_only=True)) == service.BOUNDS
    assert votes()[0].size_lots_max == NO_LIMIT


def test_votes_expire():
    """Two seconds after its plan an order is still signed for, a millisecond later not."""
    assert notes(now=NOW + 2_000 * MS) == ([SEC_SIGNED], 1)
    assert refused(now=NOW + 2_001 * MS) == service.EXPIRED
    assert refused(now=NOW - MS) == service.EXPIRED


@pytest.mark.parametrize(
    ("level", "reduce_only", "passes"),
    [
        (ALLOW, False, True),
        (CLOSE_ONLY, False, False),
        (CLOSE_ONLY, True, True),
        (FLATTEN, False, False),
        (FLATTEN, True, True),
        (BLOCK, True, False),
    ],
)
def test_the_kill_level_binds_in_live(level, reduce_only, passes):
    """Only what reduces is signed for below ALLOW, nothing under BLOCK; an unknown state is none."""
    child, safety = world.child(reduce_only=reduce_only), world.safety(kill_level=level)
    if passes:
        assert notes(child, safety=safety) == ([SEC_SIGNED], 1)
    else:
        assert refused(child, safety=safety) == service.SAFETY
    assert refused(child, safety=None) == service.SAFETY


def test_the_list_of_gates_is_the_desks():
    """An order that passed another list of gates than the desk's is refused."""
    assert refused(desk=world.desk(gates_digest="f" * 16, desk_mode="live", account="main")) == service.GATES


def test_paper_needs_no_key_and_no_safety():
    """A paper desk with fewer gates gets a request without a key; with a key vote it names that key."""
    _, (made, note) = asked(desk=PAPER, cast=(), safety=None, said=None)
    assert (made.key_ref, made.signature, note.reason) == ("SIM", None, SEC_SIGNED)
    assert asked(desk=PAPER, cast=votes(place=2))[1][0].key_ref == "k1"
    assert notes(desk=PAPER, cast=votes(place=1)) == ([SEC_SIGNER_UNAVAILABLE], 0)


def test_the_builder_code_may_be_left_open_outside_live_only():
    """The switch that asks for it counts in paper, and has no effect in live."""
    off, said = Config(builder_code_required=False), policy(keys=KEYS, builder_codes=())
    where = {"definition": TOKEN, "said": said, "config": off}
    assert notes(clob_child(), desk=PAPER, cast=(), **where) == ([SEC_SIGNED], 1)
    assert refused(clob_child(), **where) == service.BUILDER
    assert refused(clob_child(), desk=PAPER, cast=(), definition=TOKEN, said=said) == service.BUILDER


def test_what_cannot_be_spelled_is_refused():
    """An order without a payload is not signed for."""
    said = policy(keys=KEYS, builder_codes=(("polymarket", "lab"),))
    child = clob_child(builder_code="lab")
    assert refused(child, desk=PAPER, cast=(), definition=TOKEN, said=said) == service.PAYLOAD


def test_cancels_need_no_request():
    """A cancel is answered with nothing, whatever else is missing."""
    assert asked(world.child(action=CANCEL), cast=(), safety=None, said=None) == (Requests(), ())


def test_memory_is_bounded():
    """The last 256 requests are kept."""
    state = Requests()
    for number in range(300):
        state, _ = asked(world.child(client_order_id=f"c{number}"), state=state)
    assert (len(state.kept), state.kept[-1].client_order_id) == (256, "c299")
