"""Runs the reference cases of one part: ``python -m tests.conformance PART FOLDER``."""

PARTS = (
    "joint",
    "framework",
    "metrics",
    "dense_ulearn",
    "propose_reduce",
    "referring",
    "interactive",
)
