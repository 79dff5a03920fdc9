"""The grammar of data-set names in recipes, one for every task.

``FAMILY/PART/PART`` is a published data set, usually with version and split; the last parts may be
left out. ``KIND:REST`` is made of something else: of a path, or of the data sets that REST names.
``NAME+NAME`` joins two of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ltr.admin.errors import ConfigError, did_you_mean

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Family(Generic[T_co]):
    """A published data set.

    Args:
        open: Called with all parts of the name behind the first.
        usual: What is taken for parts that are left out.
    """

    open: Callable[..., T_co]
    usual: tuple[str, ...] = ()


def open_named(
    name: str,
    families: Mapping[str, Family[T]],
    kinds: Mapping[str, Callable[[str], T]],
) -> T:
    """Open a data set by its name.

    Args:
        name: See the module's text.
        families: Published data sets by the first part of their names.
        kinds: Called with the rest of the name, by the word before the colon.

    Raises:
        ConfigError: No data set has this name, or its path is not set.
        DataError: Its folder does not have the expected layout.
    """
    kind, colon, rest = name.partition(":")
    if colon and kind in kinds:
        return kinds[kind](rest)
    family, *parts = name.split("/")
    if family not in families:
        choices = [*families, *(f"{word}:..." for word in kinds)]
        raise ConfigError(f"unknown data set {name!r}{did_you_mean(family, choices)}")
    usual = families[family].usual
    if len(parts) > len(usual):
        whole = "/".join([family, *usual])
        raise ConfigError(f"unknown data set {name!r}: expected a name like {whole!r}")
    return families[family].open(*parts, *usual[len(parts) :])


def split_names(names: str) -> tuple[str, str | None]:
    """The two names of ``NAME+NAME``; the second is None where there is only one.

    >>> split_names("DAVIS/2017/train+folder:clips"), split_names("DAVIS")
    (('DAVIS/2017/train', 'folder:clips'), ('DAVIS', None))
    """
    first, plus, second = names.partition("+")
    return first, second if plus else None
