"""Train the agent: ``--help`` tells more."""

import sys

from pytracking.recommendation.train_agent import main

sys.exit(main())
