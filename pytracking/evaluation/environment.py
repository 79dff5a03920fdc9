"""The import by which a user's ``local.py`` knows ``pytracking.utils.environment``."""

from pytracking.utils.environment import EnvSettings

__all__ = ["EnvSettings"]
