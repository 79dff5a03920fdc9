"""Runs the reference cases of one part: ``python -m tests.conformance PART FOLDER``."""
