"""Experiments: functions that return trackers and the names of data sets."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from ltr.admin.errors import ConfigError, did_you_mean
from pytracking.evaluation.tracker import TrackerSpec

Experiment = tuple[tuple[TrackerSpec, ...], tuple[str, ...]]


def load_experiment(module: str, name: str) -> Experiment:
    """Call the function ``name`` of ``pytracking/experiments/<module>.py``.

    Returns:
        The trackers, and the names of the data sets on which all of them run.

    Raises:
        ConfigError: There is no such module or function.
    """
    modules = [entry.name for entry in pkgutil.iter_modules(__path__)]
    if module not in modules:
        raise ConfigError(
            f"there is no experiment module {module!r}{did_you_mean(module, modules)}"
        )
    loaded = importlib.import_module(f"{__name__}.{module}")
    functions = {
        key: member
        for key, member in vars(loaded).items()
        if inspect.isfunction(member) and member.__module__ == loaded.__name__
    }
    if name not in functions:
        hint = did_you_mean(name, functions)
        raise ConfigError(f"{module} has no experiment {name!r}{hint}")
    return functions[name]()
