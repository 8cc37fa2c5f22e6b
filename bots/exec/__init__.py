"""Execution utilities: they carry out what was approved, smaller or later, never otherwise; they run in the desk."""
