"""Ref-DAVIS 2017 from DAVIS 2017 (unsupervised) and four files of sentences.

Files are linked, or copied where that is not possible; unlike upstream's converter nothing is
moved, so the DAVIS folder stays whole for scoring.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.data.frame_files import list_frames, stem_of
from ltr.data.json_io import read_json, write_json
from ltr.data.names import plain_name
from ltr.data.text_files import read_text
from ltr.dataset.referring.expressions import expression_file

# In the order of an object's sentences; the first two by annotator 1, the others by annotator 2.
TEXT_FILES = (
    ("Davis17_annot1.txt", "utf-8"),
    ("Davis17_annot1_full_video.txt", "utf-8"),
    ("Davis17_annot2.txt", "latin-1"),
    ("Davis17_annot2_full_video.txt", "latin-1"),
)
SEMANTICS = "davis_semantics.json"
MISSPELT = {
    "clasic-car": "classic-car",
    "dog-scale": "dogs-scale",
    "motor-bike": "motorbike",
}
_SPLITS = {"train": "train", "val": "valid"}
_LINE = re.compile(r'(\S+)\s+(\d+)\s+"(.*)"')

Sentences = Mapping[str, Mapping[int, list[str]]]


def convert(source: Path, target: Path, quiet: bool = False) -> str:
    """Write the data set; returns one sentence about it.

    Raises:
        DataError: A file is missing or damaged.
        OSError: The target cannot be written.
    """
    davis = _find_davis(source)
    sentences = read_sentences(source)
    semantics = read_json(_find(source, SEMANTICS))
    counts = []
    for listed, split in _SPLITS.items():
        file = davis / "ImageSets/2017" / f"{listed}.txt"
        videos = [plain_name(name, file) for name in read_text(file, "the list of videos").split()]
        _write_lists(davis, target, split, videos, sentences, semantics)
        with FrameProgress(split, len(videos), quiet, unit="videos") as progress:
            for video in videos:
                for kind, folder in (
                    ("JPEGImages", davis / "JPEGImages/480p"),
                    ("Annotations", davis / "Annotations_unsupervised/480p"),
                ):
                    _link_folder(folder / video, target / split / kind / video)
                progress.advance()
        counts.append(f"{len(videos)} {split} videos")
    return f"{' and '.join(counts)}: {target}"


def read_sentences(source: Path) -> Sentences:
    """The sentences of every object, by video, in the order of ``TEXT_FILES``.

    Raises:
        DataError: A file is missing, or a line is not ``video object "sentence"``.
    """
    found: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, encoding in TEXT_FILES:
        file = _find(source, name)
        lines = read_text(file, "the list of sentences", encoding).splitlines()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise DataError(f'{file}, line {number}: expected video object "sentence"')
            video, key, text = match.groups()
            found[MISSPELT.get(video, video)][int(key)].append(text)
    return found


def _write_lists(
    davis: Path,
    target: Path,
    split: str,
    videos: list[str],
    sentences: Sentences,
    semantics: Mapping[str, Mapping[str, str]],
) -> None:
    entries: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    for video in videos:
        if video not in sentences or video not in semantics:
            raise DataError(f"there are no sentences or no {SEMANTICS} entry for {video}")
        texts = [(key, text) for key, own in sorted(sentences[video].items()) for text in own]
        stems = [stem_of(name) for name in list_frames(davis / "JPEGImages/480p" / video)]
        expressions = {
            str(number): {"exp": text, "obj_id": str(key)}
            for number, (key, text) in enumerate(texts)
        }
        entries[video] = {"expressions": expressions, "frames": stems}
        categories = semantics[video].items()
        objects[video] = {"objects": {key: {"category": name} for key, name in categories}}
    write_json(expression_file(target, split), {"videos": entries})
    write_json(target / split / "meta.json", {"videos": objects})


def _link_folder(source: Path, target: Path) -> None:
    """Give every file of a folder a second name."""
    if not source.is_dir():
        raise DataError(f"{source} is missing")
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        copy = target / file.name
        if file.is_file() and not copy.exists():
            try:
                os.link(file, copy)
            except OSError:
                shutil.copyfile(file, copy)


def _find_davis(source: Path) -> Path:
    """The folder that holds ``ImageSets/2017``."""
    for folder in (source, source / "DAVIS"):
        if (folder / "ImageSets/2017").is_dir():
            return folder
    raise DataError(f"{source} holds neither DAVIS/ImageSets/2017 nor ImageSets/2017")


def _find(source: Path, name: str) -> Path:
    """A file of ``source`` or of one of its folders."""
    found = next(
        (f for f in (source / name, *sorted(source.glob(f"*/{name}"))) if f.is_file()), None
    )
    if found is None:
        raise DataError(f"{name} is neither in {source} nor in one of its folders")
    return found
