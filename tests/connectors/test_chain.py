"""connectors.chain: a view of one block from each provider, whole or not at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from bots.maths.allowances import OPERATOR, allowed
from bots.maths.chain_views import Providers, heard, quorum
from connectors.chain import Chain, Token, Wallet
from connectors.chain_rpc import ANSWER_MAX, ChainError, Provider, contract_call, flag, number, word, words
from contracts import polymarket
from contracts.venue import ChainSnapshot
from tests import world
from tests.connectors import chain_server
from tests.connectors.chain_server import ChainServer, Ledger, providers

WALLET = "0x1111111111111111111111111111111111111111"
YES, NO = 67_248_733_773_426_515_003_995_316_186_829_125_729, 93_334_311_276_603_483_167_423_256_155_128_092_477
TOKENS = (Token("M1", YES, 10_000), Token("M2", NO, 10_000))
EXCHANGE, NATIVE = polymarket.EXCHANGE.lower(), 500_000


def ledger(**fields: Any) -> Ledger:
    """A wallet with 250.5 dollars, ten contracts of YES and none of NO, and what it needs to trade."""
    made = Ledger(WALLET, polymarket.COLLATERAL, polymarket.CONDITIONAL_TOKENS, **fields)
    made.cash, made.tokens = 250_500_000, {YES: 10_000_000}
    made.allowances, made.operators = {EXCHANGE: 1_000_000_000}, {EXCHANGE}
    return made


@dataclass
class Rig:
    """A chain, its providers' servers, and the connector."""

    on: Ledger
    servers: list[ChainServer]
    chain: Chain

    def read(self) -> dict[str, ChainSnapshot]:
        """Return what was read, by provider."""
        return {snapshot.provider: snapshot for snapshot in self.chain.read(NATIVE)}


@contextmanager
def rig(count: int = 3, wallet: Wallet | None = None, wait_s: float = 5.0) -> Iterator[Rig]:
    """Run so many providers `p0`, `p1` .."""
    on = ledger()
    with providers(on, count) as servers:
        asks = [Provider(f"p{place}", server.url) for place, server in enumerate(servers)]
        chain = Chain(wallet or Wallet("main", WALLET, TOKENS), asks, lambda: int(world.NOW), wait_s)
        try:
            yield Rig(on, servers, chain)
        finally:
            chain.close()


def table(views: dict[str, ChainSnapshot]) -> Providers:
    """Return what the guards keep of the views."""
    known = Providers()
    for view in views.values():
        known = heard(known, world.checked(view))
    return known


# ---- what is read --------------------------------------------------------------------------------------------------


def test_every_field_is_what_the_chain_holds() -> None:
    """Cash in micros, tokens in lots, allowances as the guards spell them, gas in thousandths of a gwei, rounded up."""
    with rig(1) as one:
        view = one.read()["p0"]
    assert ("p0", 137, 1_000, "main") == (view.provider, view.chain_id, view.head, view.account)
    assert (250_500_000, (("M1", 1_000), ("M2", 0))) == (view.cash_micros, view.tokens)
    expected = (
        (polymarket.EXCHANGE, 1_000_000_000),
        (OPERATOR + polymarket.EXCHANGE, -1),
        (polymarket.NEG_RISK_EXCHANGE, 0),
        (polymarket.NEG_RISK_ADAPTER, 0),
    )
    assert expected == view.allowances
    assert (30_001, 25_000) == (view.base_fee_gwei_milli, view.priority_gwei_milli)
    assert ("0x" + chain_server.word(995 * 7), 0, NATIVE) == (view.confirm_hash, view.error_milli, view.native_micros)
    assert (int(world.NOW), -1) == (view.at_ns, view.market)


def test_everything_of_the_account_is_read_at_the_head() -> None:
    """Each contract call names the block of the head, so that what is read belongs together."""
    with rig(1) as one:
        one.read()
        blocks = {params[1] for method, params in one.servers[0].asked if method == "eth_call"}
        count = sum(method == "eth_call" for method, _ in one.servers[0].asked)
    assert ({hex(1_000)}, 1 + 2 * 3 + 1) == (blocks, count)


def test_an_allowance_that_cannot_be_counted_is_unlimited() -> None:
    """2^256 - 1 and whatever else is beyond 63 bits is -1; the largest number that fits is a number."""
    with rig(1) as one:
        seen = []
        for allowance in (chain_server.UINT_MAX, 1 << 63, (1 << 63) - 1):
            one.on.allowances[EXCHANGE] = allowance
            seen.append(dict(one.read()["p0"].allowances)[polymarket.EXCHANGE])
    assert [-1, -1, (1 << 63) - 1] == seen


def test_many_tokens_take_several_calls_and_keep_their_order() -> None:
    """A hundred and thirty tokens are asked for in three calls; each has its own balance, less than a lot is cut."""
    tokens = tuple(Token(f"T{place}", 1_000 + place, 10_000) for place in range(130))
    with rig(1, Wallet("main", WALLET, tokens)) as one:
        one.on.tokens = {1_000 + place: place * 10_000 + 9_999 for place in range(130)}
        view = one.read()["p0"]
        calls = sum(method == "eth_call" for method, _ in one.servers[0].asked)
    assert tuple((f"T{place}", place) for place in range(130)) == view.tokens
    assert 1 + 2 * 3 + 3 == calls


def test_the_guards_read_it() -> None:
    """Three providers agree, and the allowances come back under the names that sec.allowance_monitor looks for."""
    with rig(3) as three:
        found = quorum(table(three.read()), int(world.NOW), 60_000)
    assert (3, 0) == (len(found.agreeing), len(found.differing))
    least = allowed(found.agreeing)
    assert (1_000_000_000, 1_000_000_000) == least[polymarket.EXCHANGE]
    assert OPERATOR + polymarket.EXCHANGE in least
    assert OPERATOR + polymarket.NEG_RISK_EXCHANGE not in least


# ---- providers that differ -----------------------------------------------------------------------------------------


def test_a_lagging_provider_is_of_its_own_block() -> None:
    """Ten blocks behind, it says so by its head, and is not believed."""
    with rig(3) as three:
        known = table(three.read())
        three.servers[2].faults.lag = 10
        for view in three.read().values():
            known = heard(known, view)
    found = quorum(known, int(world.NOW), 60_000)
    assert {"p0", "p1"} == {provider.said.provider for provider in found.agreeing}
    assert 990 == next(provider.said.head for provider in known.known if provider.said.provider == "p2")


def test_a_forked_provider_names_another_hash() -> None:
    """The majority agrees, the other differs; its balances are what it says, and nobody's business here."""
    with rig(3) as three:
        three.servers[1].faults.fork = True
        found = quorum(table(three.read()), int(world.NOW), 60_000)
    assert ({"p0", "p2"}, {"p1"}) == (
        {provider.said.provider for provider in found.agreeing},
        {provider.said.provider for provider in found.differing},
    )


def test_parts_of_a_batch_may_come_in_any_order() -> None:
    """An answer belongs to the request of its number."""
    with rig(1) as one:
        straight = one.read()["p0"]
        one.servers[0].faults.reverse = True
        turned = one.read()["p0"]
    assert (straight.tokens, straight.allowances, straight.confirm_hash) == (
        turned.tokens,
        turned.allowances,
        turned.confirm_hash,
    )


# ---- providers that fail -------------------------------------------------------------------------------------------

BROKEN: dict[str, dict[str, Any]] = {
    "status": {"status": 503},
    "limit": {"status": 429},
    "redirect": {"status": 302},
    "no_json": {"body": "<html>rate limited</html>"},
    "deep_json": {"body": "[" * 100_000},
    "no_batch": {"body": '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}'},
    "too_long": {"body": " " * (ANSWER_MAX + 1)},
    "one_missing": {"drop": True},
    "wrong_number": {"body": json.dumps([{"id": 9, "result": "0x1"}] * 3)},
    "twice": {"body": json.dumps([{"id": 0, "result": "0x1"}] * 3)},
    "head_error": {"errors": {"eth_blockNumber"}},
    "header_error": {"errors": {"eth_getBlockByNumber"}},
    "call_error": {"errors": {"eth_call"}},
    "price_error": {"errors": {"eth_gasPrice"}},
    "no_contract": {"replaced": {"eth_call": "0x"}},
    "short": {"replaced": {"eth_call": "0x" + "0" * 62}},
    "null": {"replaced": {"eth_call": None}},
    "number": {"replaced": {"eth_call": 0}},
    "not_hex": {"replaced": {"eth_call": "0x" + "z" * 64}},
    "head_not_hex": {"replaced": {"eth_blockNumber": "0x1_0"}},
    "head_decimal": {"replaced": {"eth_blockNumber": 1_000}},
    "head_negative": {"replaced": {"eth_blockNumber": "-0x1"}},
    "head_low": {"replaced": {"eth_blockNumber": "0x4"}},
    "head_huge": {"replaced": {"eth_blockNumber": "0x" + "f" * 64}},
    "other_chain": {"replaced": {"eth_chainId": "0x1"}},
    "other_block": {"replaced": {"eth_getBlockByNumber": {"number": "0x1", "hash": "0x" + "a" * 64}}},
    "no_header": {"replaced": {"eth_getBlockByNumber": []}},
    "no_hash": {"replaced": {"eth_getBlockByNumber": {"number": hex(1_000)}}},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_provider_that_fails_in_any_part_gives_no_snapshot(name: str) -> None:
    """The others are read all the same; `why` names the provider, and never its address, which carries a key."""
    with rig(2) as two:
        for fault, value in BROKEN[name].items():
            setattr(two.servers[1].faults, fault, value)
        views = two.read()
        why = two.chain.why
    assert (["p0"], ["p1"]) == (list(views), list(why))
    assert why["p1"].startswith("p1: ")
    assert "key-of-this-customer" not in why["p1"]


def test_a_balance_beyond_all_counting_is_no_balance() -> None:
    """A number that does not fit is no snapshot, and never another number."""
    with rig(1) as one:
        one.on.cash = 1 << 63
        assert {} == one.read()


def test_failures_are_counted_in_the_next_snapshot() -> None:
    """One failure in four requests is 250 thousandths, and the share of the last twenty counts."""
    with rig(1) as one:
        one.read()
        one.servers[0].faults.status = 500
        one.read()
        one.servers[0].faults.status = 200
        one.read()
        assert 250 == one.read()["p0"].error_milli
        for _ in range(16):
            one.read()
        assert 50 == one.read()["p0"].error_milli
        assert 0 == one.read()["p0"].error_milli


def test_a_slow_provider_does_not_hold_up_the_others() -> None:
    """What is not there in time is absent, is not asked a second time meanwhile, and counts as a failure."""
    with rig(2, wait_s=0.6) as two:
        two.servers[1].faults.delay_s = 1.0
        assert ["p0"] == list(two.read())
        assert {"p1": "no answer in time"} == two.chain.why
        asked = len(two.servers[1].asked)
        assert ["p0"] == list(two.read())
        assert 3 >= len(two.servers[1].asked) - asked
        two.servers[1].faults.delay_s = 0.0
        later = [two.read() for _ in range(4)][-1]
    assert later["p1"].error_milli > 0


def test_a_provider_that_is_away_is_absent() -> None:
    """Nobody listens: no snapshot, and the reason."""
    away = Provider("away", "http://127.0.0.1:1/")
    chain = Chain(Wallet("main", WALLET, TOKENS), [away], lambda: int(world.NOW))
    assert ([], ["away"]) == (chain.read(NATIVE), list(chain.why))
    assert "no answer (ConnectError)" in chain.why["away"]
    chain.close()


# ---- what cannot be asked ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://rpc.example/", "ws://127.0.0.1/", "ftp://127.0.0.1/", "http://[", ""])
def test_an_address_is_https_or_of_this_machine(url: str) -> None:
    """A key in an address is not sent in clear over a network."""
    with pytest.raises(ChainError, match="allowed: https, or http on this machine"):
        Provider("p", url)


@pytest.mark.parametrize(
    "wallet",
    [
        Wallet("main", "0x12", TOKENS),
        Wallet("main", WALLET, (Token("M", -1, 1),)),
        Wallet("main", WALLET, (Token("M", 1 << 256, 1),)),
        Wallet("main", WALLET, tuple(Token(f"T{place}", place, 1) for place in range(4_097))),
    ],
)
def test_a_wallet_that_cannot_be_asked_for_is_refused_at_once(wallet: Wallet) -> None:
    """A mistake of configuration is told at the start, not at the first reading."""
    with pytest.raises(ChainError):
        Chain(wallet, [Provider("p", "http://127.0.0.1:1/")], lambda: 0)


# ---- spelling ------------------------------------------------------------------------------------------------------


def test_selectors_are_those_of_the_standards() -> None:
    """The four functions have the selectors that every block explorer shows."""
    made = {
        signature: contract_call(WALLET, signature, values, 1).params[0]
        for signature, values in {
            "balanceOf(address)": (WALLET,),
            "allowance(address,address)": (WALLET, WALLET),
            "balanceOfBatch(address[],uint256[])": ([WALLET], [1]),
            "isApprovedForAll(address,address)": (WALLET, WALLET),
        }.items()
    }
    selectors = [call["data"][2:10] for call in made.values() if isinstance(call, dict)]
    assert [chain_server.BALANCE_OF, chain_server.ALLOWANCE] == selectors[:2]
    assert [chain_server.BALANCE_OF_BATCH, chain_server.IS_APPROVED_FOR_ALL] == selectors[2:]
    assert [keccak(text=signature)[:4].hex() for signature in made] == selectors


@given(st.lists(st.integers(0, chain_server.UINT_MAX), max_size=5))
def test_lists_come_back_as_they_were_packed(numbers: list[int]) -> None:
    """Any list of numbers is read as it is, and no other length is taken for it."""
    packed = "0x" + chain_server.word(32) + chain_server.word(len(numbers)) + "".join(map(chain_server.word, numbers))
    assert tuple(numbers) == words(packed, len(numbers))
    for wrong in (len(numbers) + 1, len(numbers) - 1):
        with pytest.raises(ChainError):
            words(packed, wrong)


@given(st.one_of(st.text(), st.integers(), st.none(), st.binary().map(lambda raw: "0x" + raw.hex())))
def test_whatever_is_said_is_read_or_refused(said: object) -> None:
    """No answer of a provider raises anything but ChainError."""
    for read in (number, word, flag, lambda value: words(value, 1)):
        try:
            assert read(said) is not None
        except ChainError as err:
            assert str(err)


def test_a_flag_is_zero_or_one() -> None:
    """Seven is no truth value."""
    assert (True, False) == (flag("0x" + chain_server.word(1)), flag("0x" + chain_server.word(0)))
    with pytest.raises(ChainError):
        flag("0x" + chain_server.word(7))
