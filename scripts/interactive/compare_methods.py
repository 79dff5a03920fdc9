"""Compare how frames were chosen: ``--help`` tells more."""

import sys

from pytracking.recommendation.compare_methods import main

sys.exit(main())
