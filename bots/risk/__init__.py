"""Guardrails: each answers an intent with a vote; they run in the desk, in gate order."""
