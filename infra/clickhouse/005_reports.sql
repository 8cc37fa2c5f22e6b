-- The venue's id of each place in a journal's table of instruments.
CREATE OR REPLACE VIEW {database}.markets AS
SELECT
    desk_id,
    market,
    argMax(JSONExtractString(payload, 'market_id'), offset) AS market_id,
    argMax(JSONExtractString(payload, 'venue_id'), offset) AS venue_id,
    argMax(JSONExtractInt(payload, 'tick_micros'), offset) AS tick_micros,
    argMax(JSONExtractInt(payload, 'lot_micros'), offset) AS lot_micros,
    max(JSONExtractInt(payload, 'version')) AS version
FROM {database}.envelopes
WHERE payload_kind = 'MarketDefinition'
GROUP BY desk_id, market
ORDER BY desk_id, market;

-- Every vote once: the counted ones stand in their decision, those of shadow and advisory guards by themselves.
CREATE OR REPLACE VIEW {database}.votes AS
SELECT
    desk_id, at_ns, offset, market, envelope_id, subject_id, counted,
    vote.1 AS gate, vote.2 AS verdict, vote.3 AS reason, vote.4 AS seen, vote.5 AS limit
FROM
(
    SELECT
        desk_id, at_ns, offset, market, envelope_id,
        JSONExtractString(payload, 'subject_id') AS subject_id,
        payload_kind = 'RiskDecision' AS counted,
        if(counted,
            JSONExtract(payload, 'votes',
                'Array(Tuple(gate String, verdict String, reason String, seen Int64, limit Int64))'),
            [JSONExtract(payload, 'Tuple(gate String, verdict String, reason String, seen Int64, limit Int64)')]
        ) AS cast_votes
    FROM {database}.envelopes
    WHERE payload_kind IN ('RiskDecision', 'RiskVote')
)
ARRAY JOIN cast_votes AS vote
ORDER BY desk_id, offset, envelope_id, gate;

CREATE OR REPLACE VIEW {database}.votes_by_reason AS
SELECT desk_id, gate, verdict, reason, counted, count() AS votes
FROM {database}.votes
GROUP BY desk_id, gate, verdict, reason, counted
ORDER BY desk_id, gate, verdict, reason, counted;

CREATE OR REPLACE VIEW {database}.reasons_by_kind AS
SELECT desk_id, payload_kind, reason, count() AS envelopes
FROM {database}.envelopes
ARRAY JOIN reasons AS reason
GROUP BY desk_id, payload_kind, reason
ORDER BY desk_id, payload_kind, reason;

CREATE OR REPLACE VIEW {database}.fills AS
SELECT
    desk_id, at_ns, offset, market, envelope_id,
    JSONExtractString(payload, 'market_id') AS market_id,
    JSONExtractString(payload, 'trade_id') AS trade_id,
    JSONExtractString(payload, 'client_order_id') AS client_order_id,
    JSONExtractString(payload, 'strategy') AS strategy,
    JSONExtractInt(payload, 'side') AS side,
    JSONExtractInt(payload, 'price_ticks') AS price_ticks,
    JSONExtractInt(payload, 'tick_micros') AS tick_micros,
    JSONExtractInt(payload, 'size_lots') AS size_lots,
    JSONExtractInt(payload, 'lot_micros') AS lot_micros,
    JSONExtractInt(payload, 'fee_micros') AS fee_micros,
    JSONExtractString(payload, 'liquidity') AS liquidity
FROM {database}.envelopes
WHERE payload_kind IN ('Fill', 'Settlement')
ORDER BY desk_id, offset, envelope_id;

-- The last position of each market. offset alone does not order what one entry brought about: rank and index do.
CREATE OR REPLACE VIEW {database}.positions AS
SELECT
    desk_id,
    JSONExtractString(payload, 'market_id') AS market_id,
    argMax(JSONExtractInt(payload, 'size_lots'), (at_ns, offset, index)) AS size_lots,
    argMax(JSONExtractInt(payload, 'cost_micros'), (at_ns, offset, index)) AS cost_micros,
    argMax(JSONExtractInt(payload, 'realised_micros'), (at_ns, offset, index)) AS realised_micros,
    argMax(JSONExtractInt(payload, 'unrealised_micros'), (at_ns, offset, index)) AS unrealised_micros,
    argMax(JSONExtractInt(payload, 'fees_micros'), (at_ns, offset, index)) AS fees_micros,
    argMax(JSONExtractInt(payload, 'funding_micros'), (at_ns, offset, index)) AS funding_micros,
    argMax(JSONExtractInt(payload, 'mark_micros'), (at_ns, offset, index)) AS mark_micros,
    max(at_ns) AS last_ns
FROM {database}.envelopes
WHERE payload_kind = 'PositionState'
GROUP BY desk_id, market_id
ORDER BY desk_id, market_id;

CREATE OR REPLACE VIEW {database}.decisions_per_market AS
SELECT
    said.desk_id AS desk_id,
    known.market_id AS market_id,
    said.verdict AS verdict,
    said.reason AS reason,
    count() AS decisions
FROM
(
    SELECT desk_id, market, JSONExtractString(payload, 'verdict') AS verdict,
        JSONExtractString(payload, 'reason') AS reason
    FROM {database}.envelopes
    WHERE payload_kind = 'RiskDecision'
) AS said
LEFT JOIN {database}.markets AS known ON known.desk_id = said.desk_id AND known.market = said.market
GROUP BY desk_id, market_id, verdict, reason
ORDER BY desk_id, market_id, verdict, reason;
