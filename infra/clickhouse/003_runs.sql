-- What ran: its platform, where its facts came from, what it came to. `sources` and `result` are JSON.
-- Written again when a run is repeated; the newest version counts.
CREATE TABLE IF NOT EXISTS {database}.runs
(
    run_id String,
    desk_id LowCardinality(String),
    fingerprint String,
    -- source index -> {source_id, name}; a name is a file's own name, never its folder
    sources String CODEC(ZSTD(1)),
    -- rank -> bot, bot -> version and configuration, at the start of the run
    tables String CODEC(ZSTD(1)),
    result String CODEC(ZSTD(3)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY run_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1;
