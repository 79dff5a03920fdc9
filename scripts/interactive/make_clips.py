"""Make videos short and small: ``--help`` tells more."""

import sys

from pytracking.recommendation.make_clips import main

sys.exit(main())
