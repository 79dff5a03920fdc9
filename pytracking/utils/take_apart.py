"""The former name of ``pytracking.utils.extract_frames``, which scripts still call."""

from __future__ import annotations

import sys

from pytracking.utils.extract_frames import main

if __name__ == "__main__":
    sys.exit(main())
