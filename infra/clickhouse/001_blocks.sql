-- Sealed blocks: what a desk took in (journal) and what it said (decisions), as it was hashed.
-- One row is one block. `data` is JSON, exactly the hashed bytes; every report is a view over it.
-- Equal copies of a block collapse (same order key); two contents under one number stay, as the incident that they are.
-- A retried insert carries the same token and is dropped; the window counts inserts.
CREATE TABLE IF NOT EXISTS {database}.blocks
(
    desk_id LowCardinality(String),
    chain LowCardinality(String),
    number UInt64 CODEC(Delta(8), ZSTD(1)),
    head FixedString(32),
    previous FixedString(32),
    day Date,
    first_ns Int64 CODEC(Delta(8), ZSTD(1)),
    last_ns Int64 CODEC(Delta(8), ZSTD(1)),
    first_offset Int64 CODEC(Delta(8), ZSTD(1)),
    row_count UInt32 CODEC(ZSTD(1)),
    -- one per row; or the first alone, when the rows follow each other in the journal
    offsets Array(Int64) CODEC(Delta(8), ZSTD(1)),
    data String CODEC(ZSTD(1)),
    -- computed when asked for: they cost nothing to write
    kinds Array(LowCardinality(String)) ALIAS arrayDistinct(extractAll(data, '"kind":"([A-Za-z]+)"')),
    markets Array(Int64) ALIAS arrayDistinct(arrayMap(
        entry -> if(startsWith(entry, '{'), JSONExtractInt(entry, 'market'), JSONExtractInt(entry, 5)),
        JSONExtractArrayRaw(data)))
)
ENGINE = ReplacingMergeTree
PARTITION BY day
ORDER BY (desk_id, chain, number, head)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
