"""Evaluate frame recommendation with ipn: ``with setting=... dataset=... method=...``."""

import sys

from pytracking.recommendation.evaluation import evaluate_published_host

sys.exit(evaluate_published_host("ipn"))
