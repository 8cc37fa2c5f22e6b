-- One row per envelope, exploded from the blocks. Content never hides content: an envelope id may stand here twice.
-- A fact stands in its block as it came ({...}); what was said of it as [cause, rank, index, at_ns, market, payload].
-- fact ids are packed: source 7 bits, position 32, index 12, sub 12 (contracts/ids.py).
CREATE OR REPLACE VIEW {database}.envelopes AS
SELECT
    concat(desk_id, '/', cause_id, '/', toString(rank), '.', toString(index)) AS envelope_id,
    desk_id,
    chain,
    number AS block,
    offset,
    rank,
    index,
    at_ns,
    market,
    cause,
    concat(
        toString(bitShiftRight(cause, 56)), ':', toString(bitAnd(bitShiftRight(cause, 24), 4294967295)), '.',
        toString(bitAnd(bitShiftRight(cause, 12), 4095)), '+', toString(bitAnd(cause, 4095))) AS cause_id,
    JSONExtractString(payload, 'kind') AS payload_kind,
    arrayDistinct(arrayFilter(
        code -> match(code, '^(INTEL|DISC|STRAT|RISK|EXEC|SEC|GOV)_[A-Z0-9_]+$'),
        arrayConcat(
            [JSONExtractString(payload, 'reason'), JSONExtractString(payload, 'intent', 'reason')],
            JSONExtract(payload, 'reasons', 'Array(String)'),
            arrayMap(vote -> vote.1, JSONExtract(payload, 'votes', 'Array(Tuple(reason String))')),
            [multiIf(
                is_fact, 'GOV_FACT_RECEIVED',
                payload_kind = 'DeskConfigured', 'GOV_DESK_CONFIGURED',
                payload_kind = 'ConfigApplied', 'GOV_CONFIG_APPLIED',
                payload_kind = 'VenueOrderEvent', transform(
                    JSONExtractString(payload, 'event'),
                    ['ACK', 'MATCH', 'REJECT', 'CANCEL_REJECT'],
                    ['EXEC_VENUE_ACK', 'EXEC_VENUE_MATCH', 'EXEC_VENUE_REJECT', 'EXEC_VENUE_REJECT'],
                    'EXEC_VENUE_DONE'),
                '')]))) AS reasons,
    lower(hex(SHA256(payload))) AS content_hash,
    payload
FROM
(
    SELECT
        desk_id,
        chain,
        number,
        if(length(offsets) = row_count, offsets[place], offsets[1] + place - 1) AS offset,
        startsWith(entry, '{') AS is_fact,
        if(is_fact, JSONExtractInt(entry, 'fact'), JSONExtractInt(entry, 1)) AS cause,
        if(is_fact, -1, JSONExtractInt(entry, 2)) AS rank,
        if(is_fact, 0, JSONExtractInt(entry, 3)) AS index,
        if(is_fact, JSONExtractInt(entry, 'at_ns'), JSONExtractInt(entry, 4)) AS at_ns,
        if(is_fact, JSONExtractInt(entry, 'market'), JSONExtractInt(entry, 5)) AS market,
        if(is_fact, entry, JSONExtractRaw(entry, 6)) AS payload
    FROM
    (
        SELECT desk_id, chain, number, row_count, offsets, JSONExtractArrayRaw(data) AS entries
        FROM {database}.blocks FINAL
    )
    ARRAY JOIN entries AS entry, arrayEnumerate(entries) AS place
)
ORDER BY desk_id, offset, rank, index, envelope_id, content_hash;

-- Two contents under one envelope id. This must be empty; a row here is for a person.
CREATE OR REPLACE VIEW {database}.incidents AS
SELECT
    'GOV_ENVELOPE_CONFLICT' AS reason,
    desk_id,
    envelope_id,
    any(payload_kind) AS payload_kind,
    min(at_ns) AS first_ns,
    arraySort(groupUniqArray(content_hash)) AS content_hashes,
    arraySort(groupUniqArray(block)) AS blocks
FROM {database}.envelopes
WHERE (desk_id, cause, rank, index) IN
(
    SELECT desk_id, cause, rank, index
    FROM {database}.envelopes
    GROUP BY desk_id, cause, rank, index
    HAVING min(sipHash64(payload)) != max(sipHash64(payload))
)
GROUP BY desk_id, envelope_id
ORDER BY desk_id, first_ns, envelope_id;
