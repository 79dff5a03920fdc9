"""``CVAT for video 1.1``: an XML file, or the zip around it, with a track for every object.

``CVAT for images 1.1`` is read as well.

The masks of a track are run lengths of the pixels in a box, row after row, that begin with
background; polygons and boxes are read, too. The format is described in CVAT's documentation, in
"XML annotation format".
"""

from __future__ import annotations

import logging
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, open_regular, read_regular
from ltr.data.frame_files import sort_naturally
from ltr.data.json_io import translate_json_errors
from ltr.data.zip_archive import ZipArchive
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    bounding_box,
    check_distinct,
    check_length,
    check_size,
    check_stems,
    safe_name,
)

_LOG = logging.getLogger(__name__)
_EXPECTED = "annotations of 'CVAT for video 1.1'"
# An element or attribute of a few letters takes a hundred bytes of memory.
_MAX_BYTES, _MAX_MARKS = 1 << 28, 1 << 22
_MEMBER = "annotations.xml"
_FORBIDDEN = (b"<!DOCTYPE", b"<!ENTITY")
_MAX_CORNER = 1 << 15


class CvatFile(ExchangeFormat):
    """One XML file for one video; the label of a track is the object's name."""

    suffix = ".xml"

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (video,) = videos
        root = ElementTree.Element("annotations")
        _add(root, "version", "1.1")
        tracks = _tracks(video)
        _add_meta(root, video, sorted(tracks))
        for number in sorted(tracks):
            attributes = {"id": str(number), "label": video.name_of(number), "source": "auto"}
            track = ElementTree.SubElement(root, "track", attributes)
            for shape in tracks[number]:
                track.append(shape)
        ElementTree.indent(root)
        with atomic_write(target) as stream:
            ElementTree.ElementTree(root).write(stream, encoding="utf-8", xml_declaration=True)

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        root = _parse(source)
        with translate_json_errors(source, _EXPECTED):
            _tell_other_shapes(source, root)
            has_images = root.find("image") is not None
            yield _read_images(source, root) if has_images else _read_task(source, root)


CVAT_FILE = CvatFile()


@dataclass(frozen=True)
class _Shape:
    """The area of an object; its pixels are made when a frame is read.

    Args:
        z_order: Shapes with larger ones lie on top.
        draw: Draws it into the label map of its frame.
    """

    z_order: int
    draw: Callable[[np.ndarray], object]


def encode_box_runs(mask: np.ndarray) -> list[int]:
    """Run lengths of a mask, row after row, beginning with background.

    >>> encode_box_runs(np.array([[True, False], [False, True]]))
    [0, 1, 2, 1]
    """
    pixels = mask.ravel().astype(bool)
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    runs = np.diff(np.concatenate(([0], changes, [len(pixels)])))
    return ([0] if pixels[0] else []) + runs.tolist()


def decode_box_runs(runs: Sequence[int] | np.ndarray, width: int, height: int) -> np.ndarray:
    """The mask, bool (H, W), of run lengths.

    Raises:
        ValueError: They do not fill the box.
    """
    lengths = _checked_runs(runs, width, height)
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(height, width)


def _checked_runs(runs: Sequence[int] | np.ndarray, width: int, height: int) -> np.ndarray:
    lengths = np.asarray(runs, np.int64)
    pixels = width * height
    # Each by itself, too: the sum of huge numbers wraps round.
    is_each_fine = lengths.min(initial=0) >= 0 and lengths.max(initial=0) <= pixels
    if not is_each_fine or lengths.sum() != pixels:
        raise ValueError(f"the runs cover {sum(lengths.tolist())} pixels, the box {pixels}")
    return lengths


def _tracks(video: LabelledVideo) -> dict[int, list[ElementTree.Element]]:
    """The shapes of every object; where it disappears, its last one is marked as outside."""
    tracks: dict[int, list[ElementTree.Element]] = {}
    visible: dict[int, ElementTree.Element] = {}
    for index in range(len(video)):
        seen = {}
        for number, mask in video.masks(index):
            seen[number] = _mask_element(index, mask)
            tracks.setdefault(number, []).append(seen[number])
        for number in visible.keys() - seen.keys():
            gone = {**visible[number].attrib, "frame": str(index), "outside": "1"}
            tracks[number].append(ElementTree.Element("mask", gone))
        visible = seen
    return tracks


def _mask_element(index: int, mask: np.ndarray) -> ElementTree.Element:
    left, top, width, height = bounding_box(mask)
    runs = encode_box_runs(mask[top : top + height, left : left + width])
    return ElementTree.Element(
        "mask",
        {
            "frame": str(index),
            "keyframe": "1",
            "outside": "0",
            "occluded": "0",
            "rle": ", ".join(map(str, runs)),
            "left": str(left),
            "top": str(top),
            "width": str(width),
            "height": str(height),
            "z_order": "0",
        },
    )


def _add_meta(root: ElementTree.Element, video: LabelledVideo, numbers: Sequence[int]) -> None:
    task = _add(_add(root, "meta"), "task")
    _add(task, "name", video.name)
    _add(task, "size", str(len(video)))
    _add(task, "mode", "interpolation")
    _add(task, "start_frame", "0")
    _add(task, "stop_frame", str(max(len(video) - 1, 0)))
    labels = _add(task, "labels")
    for name in dict.fromkeys(map(video.name_of, numbers)):
        label = _add(labels, "label")
        _add(label, "name", name)
        _add(label, "type", "mask")
        _add(label, "attributes")
    original = _add(task, "original_size")
    _add(original, "width", str(video.size[0]))
    _add(original, "height", str(video.size[1]))


def _add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag)
    element.text = text
    return element


def _parse(source: Path) -> ElementTree.Element:
    """The root; a document type, which can make a parser expand without end, is refused."""
    try:
        content = _read_content(source)
        if any(word in content for word in _FORBIDDEN):
            raise ValueError("it has a document type")
        if content.count(b"<") + content.count(b"=") > _MAX_MARKS:
            raise ValueError(f"it has more than {_MAX_MARKS} elements and attributes")
        return ElementTree.fromstring(content.decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
    except (ValueError, ElementTree.ParseError) as error:
        raise DataError(f"{source} is not {_EXPECTED}: {error}") from error


def _read_content(source: Path) -> bytes:
    with open_regular(source) as stream:
        is_archive = zipfile.is_zipfile(stream)
    if not is_archive:
        return read_regular(source, _MAX_BYTES)
    with ZipArchive(source, _EXPECTED) as archive:
        return archive.read(_MEMBER, _MAX_BYTES)


def _read_task(source: Path, root: ElementTree.Element) -> LabelledVideo:
    task = root.find("meta/task")
    if task is None:
        task = root.find("meta/job")
    if root.tag != "annotations" or task is None:
        raise ValueError("it has no task")
    length = check_length(int(task.findtext("size", "")), source)
    width, height = (int(task.findtext(f".//{side}", "")) for side in ("width", "height"))
    size = check_size(width, height, source)
    frames: list[list[_Shape]] = [[] for _ in range(length)]
    numbers = ObjectNumbers(source)
    first = int(task.findtext("start_frame") or 0)
    for place, track in enumerate(root.iter("track")):
        number = numbers.id_of(place, track.get("label", ""), int(track.get("id", place)))
        for element in track:
            index = int(element.get("frame", "")) - first
            if element.get("outside") == "1" or element.tag not in _READERS:
                continue
            if not 0 <= index < length:
                raise ValueError(f"a shape lies in frame {index} of {length}")
            frames[index].append(_READERS[element.tag](element, number, size))
    name = safe_name(Path(task.findtext("name") or source.stem).stem)
    stems = [f"{index:05d}" for index in range(length)]
    return LabelledVideo(name, size, stems, partial(_labels, frames, size), numbers.names)


def _read_images(source: Path, root: ElementTree.Element) -> LabelledVideo:
    """``CVAT for images 1.1``: pictures without tracks; a group, or else a label, is an object."""
    images = {Path(image.get("name", "")).stem: image for image in root.iter("image")}
    if "" in images or len(images) < len(root.findall("image")):
        raise ValueError("two images have one name, or one has none")
    sizes = {(int(i.get("width", "")), int(i.get("height", ""))) for i in images.values()}
    if len(sizes) > 1:
        raise ValueError(f"its pictures have the sizes {sorted(sizes)[:2]}")
    size = check_size(*sizes.pop(), source)
    stems = check_stems(sort_naturally(list(images)), source)
    numbers = ObjectNumbers(source)
    nameless, frames = [], []
    for stem in stems:
        shapes = [element for element in images[stem] if element.tag in _READERS]
        alone = [element.get("label", "") for element in shapes if _group(element) is None]
        nameless.append(alone)
        frames.append([
            _READERS[element.tag](element, _number(element, place, len(stems), numbers), size)
            for place, element in enumerate(shapes)
        ])  # fmt: skip
    check_distinct(nameless, source, "group the shapes of an object, or export a task of a video")
    name = safe_name(root.findtext("meta/task/name") or source.stem)
    return LabelledVideo(name, size, stems, partial(_labels, frames, size), numbers.names)


def _group(element: ElementTree.Element) -> int | None:
    return int(element.get("group_id") or 0) or None


def _number(
    element: ElementTree.Element, place: int, num_images: int, numbers: ObjectNumbers
) -> int:
    label, group = element.get("label", ""), _group(element)
    own = place if group is None and num_images == 1 else None
    return numbers.id_of((label, group, own), label, group)


def _tell_other_shapes(source: Path, root: ElementTree.Element) -> None:
    """Name the shapes that have no area.

    Raises:
        DataError: There are only such.
    """
    parents = (*root.iter("track"), *root.iter("image"))
    kinds = Counter(element.tag for parent in parents for element in parent)
    others = {kind: count for kind, count in kinds.items() if kind not in {*_READERS, "tag"}}
    if others:
        listed = ", ".join(f"{count} {kind}" for kind, count in others.items())
        if not kinds.keys() & _READERS.keys():
            raise DataError(f"{source} holds no mask, polygon or box, only {listed}")
        _LOG.warning("%s: left out, since they cover no area: %s", source, listed)


def _labels(frames: Sequence[Sequence[_Shape]], size: tuple[int, int], index: int) -> np.ndarray:
    labels = np.zeros((size[1], size[0]), np.uint8)
    for shape in sorted(frames[index], key=lambda shape: shape.z_order):
        shape.draw(labels)
    return labels


def _read_mask(element: ElementTree.Element, number: int, size: tuple[int, int]) -> _Shape:
    left, top, width, height = (
        int(element.get(key, "")) for key in ("left", "top", "width", "height")
    )
    if left < 0 or top < 0 or left + width > size[0] or top + height > size[1]:
        raise ValueError(f"a mask leaves the frame of {size[0]}x{size[1]}")
    runs = _checked_runs(
        [int(run) for run in element.get("rle", "").split(",")], max(width, 0), max(height, 0)
    )

    def draw(labels: np.ndarray) -> None:
        mask = decode_box_runs(runs, width, height)
        labels[top : top + height, left : left + width][mask] = number

    return _Shape(_z_order(element), draw)


def _read_polygon(element: ElementTree.Element, number: int, size: tuple[int, int]) -> _Shape:
    corners = [pair.split(",") for pair in element.get("points", "").split(";")]
    return _outlined(np.array(corners, float), number, element)


def _read_box(element: ElementTree.Element, number: int, size: tuple[int, int]) -> _Shape:
    left, top, right, bottom = (float(element.get(key, "")) for key in ("xtl", "ytl", "xbr", "ybr"))
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return _outlined(corners, number, element)


def _outlined(corners: np.ndarray, number: int, element: ElementTree.Element) -> _Shape:
    if corners.ndim != 2 or corners.shape[1] != 2 or not (np.abs(corners) <= _MAX_CORNER).all():
        raise ValueError("a corner is none, or leaves every frame")
    outline = np.floor(corners).astype(np.int32)
    return _Shape(_z_order(element), lambda labels: cv2.fillPoly(labels, [outline], number))


def _z_order(element: ElementTree.Element) -> int:
    return int(element.get("z_order") or 0)


_READERS = {"mask": _read_mask, "polygon": _read_polygon, "box": _read_box}
