"""Evaluate frame recommendation with any host: ``--help`` tells more."""

import sys

from pytracking.recommendation.evaluation import main

sys.exit(main())
