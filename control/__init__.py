"""The operator's rules: a command comes in, audit and journal entries go out; nothing here has an effect.

`readiness.py` derives what a bot may be called from evidence on file. Pure functions over contracts and the library;
`control` and `operators` never import each other.
"""
