"""Read what several providers show of a chain and of one account there, each as one ChainSnapshot of one block.

    head         eth_blockNumber;  everything of the account is read at that block, so that it belongs together
    confirm_hash hash of the block `confirm` below the head
    cash, tokens collateral in micros; outcome tokens in lots, cut: what is less than a lot is not counted
    allowances   of the collateral by spender, -1 where it is larger than can be counted; `erc1155:` and a spender's
                 address, -1, where it may move outcome tokens, and no entry where it may not
    base fee     of the head, and priority = eth_gasPrice - base fee, both in thousandths of a gwei, rounded up

A provider that fails in any part of it gives no snapshot: what it did say may be of another block. Its failures count
in the `error_milli` of its next one. Whom to believe is not decided here (sec.rpc_failover_manager).
Source: the venue's "Contracts" and approvals (`contracts/polymarket.py`); spelling in `connectors/chain_rpc.py`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from connectors.chain_rpc import Call, ChainError, Provider, block_hash, contract_call, field, flag, number, word, words
from contracts import polymarket
from contracts.market import NO_MARKET
from contracts.units import MAX_INT
from contracts.venue import ChainSnapshot

CONFIRM = 5
TOKENS_A_CALL, TOKENS_MAX = 64, 4_096
LATELY = 20  # requests over which the share of failures is counted
WAIT_S = 8.0
OPERATOR, UNLIMITED = "erc1155:", -1
MILLI_GWEI = 1_000_000  # wei


@dataclass(frozen=True, slots=True)
class Token:
    """An outcome token: the market id that it has here, its id on the chain, and one lot of it in micros."""

    market_id: str
    token_id: int
    lot_micros: int


@dataclass(frozen=True, slots=True)
class Wallet:
    """What is read of a chain, and for whom.

    account      the desk's name of the account;  address  the wallet that holds its funds
    tokens       every outcome token that the desk may hold, both outcomes of each market
    spenders     contracts that may be allowed to move collateral or tokens
    """

    account: str
    address: str
    tokens: tuple[Token, ...]
    spenders: tuple[str, ...] = (
        polymarket.EXCHANGE,
        polymarket.NEG_RISK_EXCHANGE,
        polymarket.NEG_RISK_ADAPTER,
    )
    chain_id: int = polymarket.CHAIN_ID
    collateral: str = polymarket.COLLATERAL
    outcomes: str = polymarket.CONDITIONAL_TOKENS
    confirm: int = CONFIRM


class Chain:
    """Several providers of one chain, read side by side."""

    def __init__(
        self, wallet: Wallet, providers: Iterable[Provider], now_ns: Callable[[], int], wait_s: float = WAIT_S
    ) -> None:
        """Take what to read, from whom, and the clock of arrivals; raises ChainError for what cannot be asked."""
        if len(wallet.tokens) > TOKENS_MAX:
            raise ChainError(f"{len(wallet.tokens)} tokens; allowed: up to {TOKENS_MAX}")
        self._readers = [_Reader(wallet, provider, now_ns) for provider in providers]
        self._pool = ThreadPoolExecutor(max_workers=max(1, len(self._readers)), thread_name_prefix="chain")
        self._busy: dict[int, Future[ChainSnapshot | None]] = {}
        self._wait_s = wait_s
        self.why: dict[str, str] = {}

    def read(self, native_micros: int) -> list[ChainSnapshot]:
        """Return a snapshot of each provider that answered whole and in time; `why` says what ailed the others.

        `native_micros` is the price of the native token, which no provider says. A provider that is still busy with
        the reading before is not asked again. Takes at most `wait_s`.
        """
        self.why = {}
        for place, reader in enumerate(self._readers):
            if place in self._busy and not self._busy[place].done():
                reader.failed()
                continue
            self._busy[place] = self._pool.submit(reader.read, native_micros)
        asked = dict(self._busy)
        wait(asked.values(), timeout=self._wait_s)
        found = []
        for place, future in asked.items():
            if not future.done():
                self.why[self._readers[place].name] = "no answer in time"
                continue
            del self._busy[place]
            snapshot = future.result()
            if snapshot is None:
                self.why[self._readers[place].name] = self._readers[place].why
            else:
                found.append(snapshot)
        return found

    def close(self) -> None:
        """Close every connection."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for reader in self._readers:
            reader.close()


class _Reader:
    """One provider, and how its last requests went."""

    def __init__(self, wallet: Wallet, provider: Provider, now_ns: Callable[[], int]) -> None:
        self._wallet, self._provider, self._now_ns = wallet, provider, now_ns
        self._lately: deque[bool] = deque(maxlen=LATELY)
        self.name, self.why = provider.name, ""
        self._calls(0)  # what cannot be spelled is told at the start

    def failed(self) -> None:
        """Count a failure."""
        self._lately.append(False)

    def read(self, native_micros: int) -> ChainSnapshot | None:
        """Return the provider's view, or None and why."""
        try:
            snapshot = self._read(native_micros)
        except ChainError as err:
            self.failed()
            self.why = str(err) if self.name in str(err) else f"{self.name}: {err}"
            return None
        return snapshot

    def close(self) -> None:
        self._provider.close()

    def _read(self, native_micros: int) -> ChainSnapshot:
        wallet = self._wallet
        (said_head, said_chain, price), waited_ms = self._provider.ask(
            (Call("eth_blockNumber", ()), Call("eth_chainId", ()), Call("eth_gasPrice", ()))
        )
        head, gas_price = number(said_head), number(said_chain) and number(price)
        if number(said_chain) != wallet.chain_id:
            raise ChainError(f"chain {number(said_chain)} where {wallet.chain_id} was expected")
        deep = head - wallet.confirm
        if deep < 0:
            raise ChainError(f"its head is block {head}")
        calls = [_header(head), _header(deep), *self._calls(head)]
        results, took_ms = self._provider.ask(calls)
        block_hash(results[0], head)
        base = field(results[0], "baseFeePerGas", number)
        tokens, cash, allowances = self._account(results[2:])
        self._lately.append(True)
        return ChainSnapshot(
            fact=-1,
            at_ns=self._now_ns(),
            market=NO_MARKET,
            provider=self.name,
            chain_id=wallet.chain_id,
            head=_counted(head),
            confirm_hash=block_hash(results[1], deep),
            latency_ms=max(waited_ms, took_ms),
            error_milli=1_000 * self._lately.count(False) // len(self._lately),
            account=wallet.account,
            cash_micros=cash,
            tokens=tokens,
            allowances=allowances,
            base_fee_gwei_milli=_counted(-(-base // MILLI_GWEI)),
            priority_gwei_milli=_counted(-(-max(0, gas_price - base) // MILLI_GWEI)),
            native_micros=native_micros,
        )

    def _calls(self, head: int) -> list[Call]:
        """Return the reads of the account in the order in which `_account` takes their answers."""
        wallet, own = self._wallet, self._wallet.address
        calls = [contract_call(wallet.collateral, "balanceOf(address)", (own,), head)]
        for spender in wallet.spenders:
            calls.append(contract_call(wallet.collateral, "allowance(address,address)", (own, spender), head))
            calls.append(contract_call(wallet.outcomes, "isApprovedForAll(address,address)", (own, spender), head))
        for part in _parts(wallet.tokens):
            ids = [token.token_id for token in part]
            batch = ([own] * len(ids), ids)
            calls.append(contract_call(wallet.outcomes, "balanceOfBatch(address[],uint256[])", batch, head))
        return calls

    def _account(
        self, results: Sequence[object]
    ) -> tuple[tuple[tuple[str, int], ...], int, tuple[tuple[str, int], ...]]:
        rest = iter(results)
        cash = _counted(word(next(rest)))
        allowances: list[tuple[str, int]] = []
        for spender in self._wallet.spenders:
            micros, approved = word(next(rest)), flag(next(rest))
            allowances.append((spender, UNLIMITED if micros > MAX_INT else micros))
            allowances += [(OPERATOR + spender, UNLIMITED)] if approved else []
        tokens: list[tuple[str, int]] = []
        for part in _parts(self._wallet.tokens):
            units = words(next(rest), len(part))
            tokens += [
                (token.market_id, _counted(held // token.lot_micros)) for token, held in zip(part, units, strict=True)
            ]
        return tuple(tokens), cash, tuple(allowances)


def _header(height: int) -> Call:
    return Call("eth_getBlockByNumber", (hex(height), False))


def _parts(tokens: tuple[Token, ...]) -> list[tuple[Token, ...]]:
    return [tokens[first : first + TOKENS_A_CALL] for first in range(0, len(tokens), TOKENS_A_CALL)]


def _counted(value: int) -> int:
    """Return a number that a contract's field can hold; raises ChainError for a larger one."""
    if value > MAX_INT:
        raise ChainError("a number larger than any that is counted here")
    return value
