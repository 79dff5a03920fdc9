"""Where data sets, networks and results lie on this machine.

A variable comes from, later wins: its default, the library's ``local.py``, the process
environment (``LTR_NAME`` or ``PYTRACKING_NAME``), the command line. ``local.py`` is written with
comments on first use and never again touched.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.local_file import as_path_text, create_local_file, read_local_file
from ltr.admin.places import download_folder, is_checkout, output_folder, settings_file

_LOG = logging.getLogger(__name__)


def variable(comment: str) -> Any:
    """Declare a path variable of an environment; an empty text means that it is not set."""
    return field(default="", metadata={"comment": comment})


@dataclass(frozen=True)
class Environment:
    """The paths that both libraries know: data sets.

    Args:
        sources: Origin of each variable that is set, by its name.
    """

    file: ClassVar[Path]
    prefix: ClassVar[str]
    reader: ClassVar[str]
    unused: ClassVar[frozenset[str]] = frozenset()
    lists: ClassVar[frozenset[str]] = frozenset()

    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    davis_dir: str = variable("DAVIS 2017: JPEGImages/480p/<seq>, Annotations/480p/<seq>")
    davis16_dir: str = variable("DAVIS 2016; empty: the same as davis_dir")
    davis_testdev_dir: str = variable("DAVIS 2017 test-dev; empty: the same as davis_dir")
    youtubevos_dir: str = variable("YouTube-VOS: 2018/ and 2019/ with train/, valid/, ...")
    ytvis2019_dir: str = variable("YouTube-VIS 2019: train.json, train/JPEGImages/<video>, ...")
    ytvis2021_dir: str = variable("YouTube-VIS 2021: train.json or train/instances.json, ...")
    refytvos_dir: str = variable("Refer-YouTube-VOS: meta_expressions/, train/, valid/")
    refdavis_dir: str = variable("Ref-DAVIS 2017: meta_expressions/, train/, valid/")
    a2d_dir: str = variable("A2D-Sentences: Release/, text_annotations/")
    jhmdb_dir: str = variable("JHMDB-Sentences: Rename_Images/, puppet_mask/")
    coco_dir: str = variable(
        "COCO: annotations/instances_train2014.json, images/train2014; RefCOCO: train2014, refcoco"
    )
    scribble_ytvos_dir: str = variable("Scribble YouTube-VOS: JPEGImages, Annotations, Scribbles")


@dataclass(frozen=True)
class TrainEnvironment(Environment):
    """The paths of the training library, from ``ltr/admin/local.py``."""

    file: ClassVar[Path] = settings_file("ltr/admin/local.py")
    prefix: ClassVar[str] = "LTR"
    reader: ClassVar[str] = "EnvironmentSettings"
    unused: ClassVar[frozenset[str]] = frozenset(
        ("pregenerated_masks", "lasot_candidate_matching_dataset_path")
    )

    workspace_dir: str = variable("checkpoints and logs; empty: workspace")
    tensorboard_dir: str = variable("TensorBoard files; empty: tensorboard in workspace_dir")
    pretrained_networks: str = variable("backbones; empty: pretrained_networks in workspace_dir")
    lasot_dir: str = variable("LaSOT: <class>/<class>-<n>/img")
    got10k_dir: str = variable("GOT-10k: GOT-10k_Train_000001, ...")
    trackingnet_dir: str = variable("TrackingNet: train/jpegs/<seq>")
    oxuva_dir: str = variable("OxUvA: images/dev/<seq>")
    kinetics_dir: str = variable("Kinetics-400: video_jpeg/train/<seq>")
    lvis_dir: str = variable("LVIS: annotations/lvis_v0.5_train.json, images/train2017")
    sbd_dir: str = variable("SBD: train.txt, img/*.jpg, inst/*.mat")
    imagenet_dir: str = variable("ImageNet VID: Data/VID, Annotations/VID")
    imagenetdet_dir: str = variable("ImageNet DET: Data/DET, Annotations/DET")
    ecssd_dir: str = variable("ECSSD: images/0001.jpg, ground_truth_mask/0001.png")
    hkuis_dir: str = variable("HKU-IS: imgs/*.png, gt/*.png")
    msra10k_dir: str = variable("MSRA10K: Imgs/*.jpg beside *.png")


AnyEnvironment = TypeVar("AnyEnvironment", bound=Environment)

_TRAIN_TEMPLATE = '''"""Your paths for training; a process variable LTR_NAME wins over them."""


class EnvironmentSettings:
    """An empty text means: not set, or the default named beside it."""

    def __init__(self):
{variables}
'''


def train_environment(create: bool = True) -> TrainEnvironment:
    """Resolve the paths of the training library.

    Args:
        create: Write a commented ``local.py`` when there is none.

    Raises:
        ConfigError: ``local.py`` exists but is broken.
    """
    kind = TrainEnvironment
    if create:
        create_local_file(kind.file, comments(kind), _TRAIN_TEMPLATE, '        self.{name} = ""')
    environment = with_process_variables(_without_derived(read_environment(kind)))
    workspace = Path(environment.workspace_dir or output_folder("workspace"))
    fetched = workspace if environment.workspace_dir or is_checkout() else download_folder("")
    defaults = {
        "workspace_dir": str(workspace),
        "tensorboard_dir": str(workspace / "tensorboard"),
        "pretrained_networks": str(fetched / "pretrained_networks"),
    }
    return with_defaults(environment, defaults)


def _without_derived(environment: TrainEnvironment) -> TrainEnvironment:
    """Clear the two folders where an upstream file itself puts them below ``workspace_dir``.

    Such a file yields ``/tensorboard/`` for an empty base, and it cannot know a base that the
    process environment sets.
    """
    derived: dict[str, Any] = {
        name: ""
        for name in ("tensorboard_dir", "pretrained_networks")
        if getattr(environment, name) == f"{environment.workspace_dir}/{name.removesuffix('_dir')}/"
    }
    return dataclasses.replace(environment, **derived)


def read_environment(kind: type[AnyEnvironment]) -> AnyEnvironment:
    """Read a library's ``local.py``; variables that it does not set stay empty.

    Names that the library does not know are ignored; those that upstream's files do not have
    either are reported, once in a process and not with ``--quiet``.

    Raises:
        ConfigError: The file is broken, or a value is neither a text nor a path.
    """
    known = comments(kind)
    fields: dict[str, Any] = {}
    for name, value in read_local_file(kind.file, kind.reader).items():
        if name not in known:
            if name not in kind.unused:
                _tell_unknown(kind.file, f"{name}{_nearest(name, known)}")
        elif name in kind.lists and isinstance(value, list | tuple):
            fields[name] = tuple(as_path_text(name, item, kind.file) for item in value)
        else:
            fields[name] = as_path_text(name, value, kind.file)
    sources = {name: str(kind.file) for name, value in fields.items() if value}
    return kind(sources=sources, **fields)


@cache
def _tell_unknown(file: Path, name: str) -> None:
    """Told once in a process, as the files are read whenever a path is needed."""
    _LOG.info("%s: unknown variable %s", file, name)


def _nearest(name: str, known: Mapping[str, str]) -> str:
    hint = did_you_mean(name, known)
    return hint if "did you mean" in hint else ""


def with_process_variables(environment: AnyEnvironment) -> AnyEnvironment:
    """Replace the variables that the process environment gives; lists are separated like PATH."""
    changes: dict[str, Any] = {}
    sources = dict(environment.sources)
    for name in comments(type(environment)):
        key = process_variable(environment, name)
        if text := os.environ.get(key):
            parts = text.split(os.pathsep) if name in environment.lists else [text]
            paths = tuple(os.path.expanduser(part) for part in parts)
            changes[name] = paths if len(paths) > 1 else paths[0]
            sources[name] = key
    return dataclasses.replace(environment, sources=sources, **changes)


def with_defaults(environment: AnyEnvironment, defaults: Mapping[str, str]) -> AnyEnvironment:
    """Fill what is still empty: the given defaults, and DAVIS's variants from ``davis_dir``."""
    davis = dict.fromkeys(("davis16_dir", "davis_testdev_dir"), environment.davis_dir)
    empty: dict[str, Any] = {
        name: value
        for name, value in (davis | dict(defaults)).items()
        if not getattr(environment, name)
    }
    return dataclasses.replace(environment, **empty)


def require(environment: Environment, name: str, layout: str = "") -> Path:
    """Return the existing folder that a path variable names.

    Args:
        environment: Paths for training or for evaluation.
        name: A variable, for instance ``"davis_dir"``.
        layout: What the folder must contain; the variable's own description by default.

    Raises:
        ConfigError: The variable is empty, or its folder does not exist.
    """
    value = getattr(environment, name)
    cure = f"set it in {environment.file} or as {process_variable(environment, name)}"
    expected = f"expected layout: {layout or comments(type(environment))[name]}"
    if not value:
        raise ConfigError(f"{name} is not set: {cure} ({expected})")
    if not Path(value).is_dir():
        origin = with_origin(environment, name)
        raise ConfigError(f"{origin} is not a folder: {cure} ({expected})")
    return Path(value)


def with_origin(environment: Environment, name: str) -> str:
    """A path variable, its value and the place that set it, for an error sentence."""
    source = environment.sources.get(name, "the default")
    return f"{name} = {getattr(environment, name)}, from {source},"


def process_variable(environment: Environment, name: str) -> str:
    """The name under which the process environment gives a variable, like ``LTR_DAVIS_DIR``."""
    return f"{environment.prefix}_{name.upper()}"


def comments(kind: type[Environment]) -> dict[str, str]:
    """The description of every path variable, by name."""
    return {
        item.name: item.metadata["comment"] for item in dataclasses.fields(kind) if item.metadata
    }
