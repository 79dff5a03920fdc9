"""Make the quality network's training masks: ``--help`` tells more."""

import sys

from pytracking.recommendation.generate_data import main

sys.exit(main())
