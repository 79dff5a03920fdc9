"""Train the quality network: ``--help`` tells more."""

import sys

from pytracking.recommendation.quality_assessment import main

sys.exit(main())
