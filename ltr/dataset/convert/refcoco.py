"""RefCOCO, RefCOCO+ and RefCOCOg: from the authors' pickles to one COCO file a split.

Every sentence becomes an image entry of its own with one annotation.
"""

from __future__ import annotations

import io
import pickle
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ltr.admin.errors import DataError
from ltr.admin.files import read_regular
from ltr.data.json_io import read_json, write_json

SPLITS_BY = {"refcoco": "unc", "refcoco+": "unc", "refcocog": "umd"}
_KEPT = ("segmentation", "area", "iscrowd", "bbox", "category_id")
_HEADER = ("info", "licenses")


class _PlainUnpickler(pickle._Unpickler):
    """Reads containers, texts and numbers; anything that had to be imported is refused.

    This is the form in Python: the one in C fills the memory when a damaged file asks for the two
    thousand millionth place among its notes.
    """

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no list needs")


def convert(source: Path, target: Path, quiet: bool = False) -> str:
    """Write the lists of all data sets that are there; returns one sentence about them.

    Raises:
        DataError: None is there, or a file is damaged.
        OSError: The target cannot be written.
    """
    written = []
    for name, author in SPLITS_BY.items():
        folder = source / name
        if not folder.is_dir():
            continue
        refs = read_refs(folder / f"refs({author}).p")
        instances = read_json(folder / "instances.json")
        for split, entries in split_refs(refs).items():
            content = coco_file(name, entries, instances)
            write_json(target / name / f"instances_{name}_{split}.json", content)
            written.append(f"{name} {split} {len(content['images'])}")
    if not written:
        raise DataError(f"{source} holds none of the folders {', '.join(SPLITS_BY)}")
    return f"sentences: {', '.join(written)}: {target}"


def read_refs(file: Path) -> list[dict[str, Any]]:
    """Read a list of references without executing anything.

    Raises:
        DataError: It is missing, damaged or refused.
    """
    try:
        content = read_regular(file)
        refs = _PlainUnpickler(io.BytesIO(content), encoding="utf-8", errors="replace").load()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except Exception as error:  # damaged pickles can fail in any way
        raise DataError(f"{file} is damaged or refused: {error}") from error
    if not isinstance(refs, list) or not all(isinstance(ref, dict) for ref in refs):
        raise DataError(f"{file} is not a list of references")
    return refs


def split_refs(refs: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The references of each split, in the order of the list.

    A split's name may stand for two test sets: ``testAB`` belongs to ``testA`` and ``testB``.
    """
    splits: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for ref in refs:
        name = str(ref.get("split"))
        letters = name.removeprefix("test") if name.startswith("test") else ""
        for split in [f"test{letter}" for letter in letters] or [name]:
            splits[split].append(ref)
    return dict(splits)


def coco_file(
    name: str, refs: Sequence[Mapping[str, Any]], instances: Mapping[str, Any]
) -> dict[str, Any]:
    """One image entry and one annotation for each sentence.

    Raises:
        DataError: A reference names an image or object that there is not.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    try:
        pictures = {entry["id"]: entry for entry in instances["images"]}
        objects = {entry["id"]: entry for entry in instances["annotations"]}
        for ref in refs:
            picture, instance = pictures[ref["image_id"]], objects[ref["ann_id"]]
            for sentence in ref["sentences"]:
                number = len(images) + 1
                images.append(
                    {
                        **{key: picture[key] for key in ("file_name", "height", "width")},
                        "original_id": picture["id"],
                        "id": number,
                        "caption": sentence["sent"],
                        "dataset_name": name,
                    }
                )
                annotations.append(
                    {
                        **{key: instance[key] for key in _KEPT},
                        "image_id": number,
                        "id": number,
                        "original_id": instance["id"],
                    }
                )
        header = {key: instances[key] for key in _HEADER if key in instances}
        categories = instances["categories"]
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{name}: instances.json and the references do not fit: {error!r}"
        ) from error
    return {**header, "images": images, "annotations": annotations, "categories": categories}
