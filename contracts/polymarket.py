"""Name what a Polymarket order and login are signed for: chain, contracts, EIP-712 domains and their fields.

Stated once: the guard that compares the committed table with it, the signer and the connector read the same lines, so
that none of them can sign for a contract that the others would refuse.

Source: Polymarket's documents "Contracts", "Migrating to CLOB V2" and "Authentication" (copies of 2026-06-24 or later),
equal to the addresses in polymarket-client 0.14.0 and py-clob-client-v2 1.2.1.
"""

from typing import NamedTuple

VENUE_ID = "polymarket"
CHAIN_ID = 137

# Market types and operations of contracts.policy.ContractRow.
STANDARD, NEG_RISK, AUTH = "standard", "neg_risk", "auth"
ORDER, APPROVE = "order", "approve"

EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE = "0xe2222d279d744050d28e00520010520000310F59"
CONDITIONAL_TOKENS = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
NEG_RISK_ADAPTER = "0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296"
COLLATERAL = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
# Exchanges of version 1: they can no longer trade, so a table that names one is a mistake, never a choice.
DEAD_EXCHANGES = ("0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E", "0xC5d563A36AE78145C45a50134d48A1215220f80a")
# Exchange of combination positions. Its orders are signed under domain version 3, which is not spoken here.
COMBO_EXCHANGE = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"

ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION = "Polymarket CTF Exchange", "2"
AUTH_DOMAIN_NAME, AUTH_DOMAIN_VERSION = "ClobAuthDomain", "1"
AUTH_MESSAGE = "This message attests that I control the given wallet"
WALLET_DOMAIN_NAME, WALLET_DOMAIN_VERSION = "DepositWallet", "1"

# Fields of the structures that are signed, in the order of their type string.
ORDER_FIELDS = (
    ("salt", "uint256"),
    ("maker", "address"),
    ("signer", "address"),
    ("tokenId", "uint256"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("side", "uint8"),
    ("signatureType", "uint8"),
    ("timestamp", "uint256"),
    ("metadata", "bytes32"),
    ("builder", "bytes32"),
)
AUTH_FIELDS = (("address", "address"), ("timestamp", "string"), ("nonce", "uint256"), ("message", "string"))
DOMAIN_FIELDS = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))
AUTH_DOMAIN_FIELDS = DOMAIN_FIELDS[:3]

# Wallets that may hold the funds: the key's own address, a proxy, a Safe, a deposit wallet (ERC-1271).
EOA, PROXY, SAFE, POLY_1271 = 0, 1, 2, 3
BUY, SELL = 0, 1
ZERO_BYTES32 = "0x" + "00" * 32
# Collateral and outcome tokens both have six decimals: one base unit is one micro.
BASE_UNITS = 1_000_000


class SignedFor(NamedTuple):
    """What a signature of one kind is valid for.

    market_type     standard, neg_risk or auth
    operation       order or auth
    chain_id        the chain
    address         the verifying contract, checksum form; empty for a login, whose domain names none
    domain_name     EIP-712 domain
    domain_version  EIP-712 domain
    """

    market_type: str
    operation: str
    chain_id: int
    address: str
    domain_name: str
    domain_version: str


SIGNED_FOR = (
    SignedFor(STANDARD, ORDER, CHAIN_ID, EXCHANGE, ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION),
    SignedFor(NEG_RISK, ORDER, CHAIN_ID, NEG_RISK_EXCHANGE, ORDER_DOMAIN_NAME, ORDER_DOMAIN_VERSION),
    SignedFor(AUTH, AUTH, CHAIN_ID, "", AUTH_DOMAIN_NAME, AUTH_DOMAIN_VERSION),
)


def order_signed_for(neg_risk: bool) -> SignedFor:
    """Return the contract and domain that an order is signed for: events whose outcomes exclude each other have one."""
    return SIGNED_FOR[1] if neg_risk else SIGNED_FOR[0]


def is_combo_position(token_id: int) -> bool:
    """Return whether a token id is of a combination (bits 40 to 103 are zero), which COMBO_EXCHANGE alone trades.

    Source: polymarket-client 0.14.0, module `protocol`.
    """
    return (token_id >> 40) & ((1 << 64) - 1) == 0
