"""Typed configuration: frozen dataclasses, changed only through ``key=value`` assignments.

Every tracker's parameters and every training recipe is such a dataclass. An unknown key is an
error that names the nearest field; a value is parsed by the field's declared type.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

from ltr.admin.cli import boolean
from ltr.admin.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")
_NONE_WORDS = {"none", "null", ""}


def override(config: Config, assignments: Iterable[str]) -> Config:
    """Replace fields of a configuration by command-line assignments.

    Args:
        config: An instance of a (frozen) dataclass.
        assignments: Texts ``"field=value"``; a tuple is written ``a,b,c``, a mapping ``a=1,b=2``.

    Returns:
        A new instance; ``config`` is unchanged.

    Raises:
        ConfigError: No ``=``, an unknown field, or a value of the wrong type.
    """
    types_of = typing.get_type_hints(type(config))
    names = [field.name for field in dataclasses.fields(config) if field.init]
    changes: dict[str, Any] = {}
    for assignment in assignments:
        name, sign, text = assignment.partition("=")
        name = name.strip()
        if not sign:
            raise ConfigError(f"expected key=value, got {assignment!r}")
        if name not in names:
            raise ConfigError(
                f"{type(config).__name__} has no setting {name!r}{did_you_mean(name, names)}"
            )
        changes[name] = parse_value(text.strip(), types_of[name], name)
    return dataclasses.replace(config, **changes)


def parse_value(text: str, kind: Any, name: str) -> Any:
    """Parse ``text`` as the declared type ``kind``; ``name`` is used in error messages.

    >>> parse_value("480,832", tuple[int, int], "image_sample_size")
    (480, 832)
    >>> parse_value("none", float | None, "limit") is None
    True
    >>> parse_value("decoder=1e-4,transformer=2e-5", Mapping[str, float], "learning_rates")
    {'decoder': 0.0001, 'transformer': 2e-05}
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _parse_union(text, get_args(kind), name)
    if origin is Literal:
        return _parse_choice(text, get_args(kind), name)
    if origin is tuple:
        return _parse_tuple(text, get_args(kind), name)
    if origin is Mapping:
        return _parse_mapping(text, get_args(kind)[1], name)
    try:
        return boolean(text) if kind is bool else kind(text)
    except Exception as error:
        raise ConfigError(f"{name}: expected {_type_name(kind)}, got {text!r}") from error


def _parse_union(text: str, members: Sequence[Any], name: str) -> Any:
    if type(None) in members and text.lower() in _NONE_WORDS:
        return None
    choices = [member for member in members if member is not type(None)]
    for member in choices[:-1]:
        try:
            return parse_value(text, member, name)
        except ConfigError:
            continue
    return parse_value(text, choices[-1], name)


def _parse_choice(text: str, choices: Sequence[Any], name: str) -> Any:
    for choice in choices:
        if str(choice) == text:
            return choice
    raise ConfigError(f"{name}: unknown value {text!r}{did_you_mean(text, map(str, choices))}")


def _parse_tuple(text: str, members: Sequence[Any], name: str) -> tuple:
    parts = [part for part in text.strip("()[] ").split(",") if part.strip()]
    if len(members) == 2 and members[1] is Ellipsis:
        members = [members[0]] * len(parts)
    if len(parts) != len(members):
        raise ConfigError(f"{name}: expected {len(members)} values, got {len(parts)} in {text!r}")
    return tuple(parse_value(p.strip(), m, name) for p, m in zip(parts, members, strict=True))


def _parse_mapping(text: str, kind: Any, name: str) -> dict[str, Any]:
    """Parse ``key=value,key=value``."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(sign for _, sign, _ in pairs):
        raise ConfigError(f"{name}: expected key=value,key=value, got {text!r}")
    return {key.strip(): parse_value(value.strip(), kind, name) for key, _, value in pairs}


def _type_name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


def select_fields(kind: type[DataclassInstance], config: object) -> dict[str, Any]:
    """The fields of a dataclass, read from a configuration that has them too.

    Args:
        kind: The dataclass.
        config: For instance a recipe that has all its rows.
    """
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(kind)}


def to_plain(config: Any) -> dict[str, Any]:
    """The configuration as JSON-like values (paths become texts), to be stored beside results."""
    return {key: _plain(value) for key, value in dataclasses.asdict(config).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def describe(config: Any) -> str:
    """The resolved configuration, one ``name = value`` line a field.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Recipe:
    ...     epochs: int = 90
    >>> print(describe(Recipe()))
    epochs = 90
    """
    return "\n".join(f"{key} = {value}" for key, value in to_plain(config).items())
