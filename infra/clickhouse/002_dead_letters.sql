-- Frames that could not be read: nothing is lost. The same frame of the same source is one letter.
CREATE TABLE IF NOT EXISTS {database}.dead_letters
(
    source_id LowCardinality(String),
    position UInt64,
    at_ns Int64,
    day Date,
    reason LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    -- the bytes, in hexadecimal
    data String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY day
ORDER BY (source_id, position, reason, detail)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
