"""Show people what happened: one page per run that opens anywhere and needs nothing else.

Read `report` (the page), `model` (what it shows), `reading` (from stored envelopes to that), `charts` (pictures),
`parts` (tables, legends), `series` (long lines made short without losing a peak), `markup` (where text becomes HTML).
"""
