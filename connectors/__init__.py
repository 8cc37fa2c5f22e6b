"""The edge: the only package with side effects. Small, dull, and reviewed hardest.

Read `errors.py` for what can go wrong and `namespace.py` for what things are called, then the connector you need:
captures and feeds bring bytes in, `clickhouse.py` keeps what was said, `reader.py` reads it again.
Sockets, clocks, keys and databases live here and nowhere else; everything below is values and functions.
"""
