"""Let the robot draw first scribbles: ``--help`` tells more."""

import sys

from pytracking.evaluation.interactive.first_scribbles import main

sys.exit(main())
