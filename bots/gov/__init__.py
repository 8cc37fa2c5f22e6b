"""Governance services: they explain and reconcile over the stream of envelopes, and never block."""
