"""Convert the scribbled part of YouTube-VOS to the layout of DAVIS: ``--help`` tells more."""

import sys

from ltr.dataset.scribble_youtubevos import main

sys.exit(main())
