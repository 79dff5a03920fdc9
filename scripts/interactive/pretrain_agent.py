"""Collect the agent's first experience: ``--help`` tells more."""

import sys

from pytracking.recommendation.pretrain_agent import main

sys.exit(main())
