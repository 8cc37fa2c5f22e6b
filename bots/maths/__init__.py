"""Shared arithmetic by subject, each formula with its symbols, units and source. Pure functions of numbers."""
