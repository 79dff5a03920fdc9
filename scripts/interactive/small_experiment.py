"""Train agent and quality network on a few small clips: ``--help`` tells more."""

import sys

from pytracking.recommendation.small_experiment import main

sys.exit(main())
