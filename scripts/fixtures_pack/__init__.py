"""Make market frames that no venue ever sent: seeded, integer-only, the same bytes on every machine.

Read `chance` (the numbers drawn), `ladder` (a book and its micro-structure), `kalshi` and `polymarket` (wire formats),
`cast` (which markets play), `oddities` (what goes wrong and when), `pack` (the files).
"""
