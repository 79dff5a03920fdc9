"""Make the table that rewards are measured by: ``--help`` tells more."""

import sys

from pytracking.recommendation.produce_reward import main

sys.exit(main())
