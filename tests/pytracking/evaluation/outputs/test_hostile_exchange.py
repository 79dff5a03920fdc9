"""Small files of other tools that ask for gigabytes, wait, or name files elsewhere."""

from __future__ import annotations

import base64
import io
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltr.admin.errors import DataError
from ltr.admin.process_memory import peak_mib, reset_peak
from ltr.data.rle import as_rle
from pytracking.evaluation.outputs.exchange.frames import labelled_results
from pytracking.evaluation.outputs.exchange.label_studio import decode_brush
from pytracking.evaluation.outputs.exchange.registry import read_exchange, write_exchange
from tests.pytracking.evaluation.outputs.test_exchange import drawn_labels, read_all, video_of

_MAX_MIB = 100.0


def added_mib(path: Path, form: str | None = None) -> float:
    """Memory that reading a file adds; it may be refused."""
    reset_peak()
    before = peak_mib()
    try:
        for video in read_exchange(path, form):
            video.labels(0)
    except DataError:
        pass
    return peak_mib() - before


def cvat_task(side: int, shapes: str) -> str:
    size = f"<width>{side}</width><height>{side}</height>"
    return (
        f"<annotations><meta><task><size>1</size><original_size>{size}</original_size></task></meta>"
        f'<track id="0" label="a">{shapes}</track></annotations>'
    )


@pytest.mark.parametrize(
    ("side", "shape"),
    [
        (32000, '<box frame="0" xtl="0" ytl="0" xbr="32000" ybr="32000"/>'),
        (4000, '<box frame="0" xtl="0" ytl="0" xbr="4000" ybr="4000"/>'),
        (4000, '<mask frame="0" left="0" top="0" width="4000" height="4000" rle="0,16000000"/>'),
    ],
)
def test_shapes_of_cvat_cost_nothing_until_they_are_drawn(
    tmp_path: Path, side: int, shape: str
) -> None:
    (tmp_path / "a.xml").write_text(cvat_task(side, shape * 20))
    assert added_mib(tmp_path / "a.xml") < _MAX_MIB


def test_an_archive_of_cvat_does_not_grow_without_end(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", b"<annotations>" + b"<a/>" * (10 << 20))
    with pytest.raises(DataError, match="at most 16777216 make sense"):
        list(read_exchange(tmp_path / "a.zip"))


def test_elements_of_cvat_are_counted_before_they_are_parsed(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<annotations>" + b"<a/>" * (5 << 20) + b"</annotations>")
    with pytest.raises(DataError, match="elements and attributes"):
        list(read_exchange(tmp_path / "a.xml"))


@pytest.mark.parametrize("runs", ["9223372036854775807,9223372036854775807,6", "-1,5", "1e9"])
def test_runs_of_cvat_do_not_wrap_round(tmp_path: Path, runs: str) -> None:
    mask = f'<mask frame="0" left="0" top="0" width="2" height="2" rle="{runs}"/>'
    (tmp_path / "a.xml").write_text(cvat_task(4, mask))
    with pytest.raises(DataError, match="is damaged"):
        list(read_exchange(tmp_path / "a.xml"))


@pytest.mark.parametrize("name", ["a.xml", "a.zip"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="Not a regular file"):
        list(read_exchange(tmp_path / name))


def test_a_brush_is_no_number() -> None:
    reset_peak()
    before = peak_mib()
    with pytest.raises(TypeError, match="list of bytes"):
        decode_brush(300_000_000, (4, 4))  # type: ignore[arg-type]
    assert peak_mib() - before < _MAX_MIB


@pytest.mark.parametrize("form", ["coco", "youtube-vis", "label-studio", "labelme", "mots"])
def test_frames_of_a_gigabyte_are_refused(tmp_path: Path, form: str) -> None:
    side = 32000
    size = {"width": side, "height": side}
    contents: dict[str, Any] = {
        "coco": {"images": [{"id": 1, "file_name": "a.jpg", **size}], "annotations": []},
        "youtube-vis": {"videos": [{"id": 1, "file_names": ["v/a.jpg"], **size}],
                        "annotations": []},
        "label-studio": [{"data": {"image": "v/a.jpg", **size}, "annotations": []}],
        "labelme": {"imageWidth": side, "imageHeight": side, "shapes": []},
    }  # fmt: skip
    file = tmp_path / ("a.txt" if form == "mots" else "a.json")
    file.write_text(f"0 1001 1 {side} {side} 0" if form == "mots" else json.dumps(contents[form]))
    assert added_mib(file, form) < _MAX_MIB
    with pytest.raises(DataError, match="a frame cannot be 32000 x 32000 pixels"):
        list(read_exchange(file, form))


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '|b1', 'fortran_order': False, 'shape': (300000000, 1), }\n", b"\1"),
        npy("{'descr': '|b1', 'fortran_order': False, 'shape': (-2, 3), }\n", b"\1" * 6),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }\n", b"\1" * 8),
        npy("{'descr': '|S9', 'fortran_order': False, 'shape': (1, 1), }\n", b"\1" * 9),
        npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 40000), }\n", b"\1" * 40000),
        npy("{'descr': '|b1', 'fortran_order': False, 'shape': (0, 3), }\n"),
        b"\x93NUMPY\x09\x00",
        b"PK\x05\x06" + bytes(18),
    ],
)
def test_masks_of_fiftyone_are_as_large_as_they_say(tmp_path: Path, content: bytes) -> None:
    write_exchange("fiftyone", [video_of(drawn_labels(3))], tmp_path / "a")
    file = tmp_path / "a" / "labels" / "dog.json"
    labels = json.loads(file.read_text())
    packed = base64.b64encode(zlib.compress(content)).decode()
    labels["frames"]["1"]["objects"]["objects"][0]["mask"] = packed
    file.write_text(json.dumps(labels))
    reset_peak()
    before = peak_mib()
    with pytest.raises(DataError, match=r"dog\.json is damaged"):
        [read_all(video) for video in read_exchange(tmp_path / "a")]
    assert peak_mib() - before < _MAX_MIB


def test_masks_of_fiftyone_in_either_order_are_read(tmp_path: Path) -> None:
    labels = drawn_labels(3)
    write_exchange("fiftyone", [video_of(labels)], tmp_path / "a")
    file = tmp_path / "a" / "labels" / "dog.json"
    content = json.loads(file.read_text())
    for entry in content["frames"]["1"]["objects"]["objects"]:
        mask = np.load(io.BytesIO(zlib.decompress(base64.b64decode(entry["mask"]))))
        buffer = io.BytesIO()
        np.save(buffer, np.asfortranarray(mask.astype(np.float32)))
        entry["mask"] = base64.b64encode(zlib.compress(buffer.getvalue())).decode()
    file.write_text(json.dumps(content))
    (video,) = read_exchange(tmp_path / "a")
    assert np.array_equal(read_all(video), labels)


def test_outlines_are_of_limited_length() -> None:
    corners = [0, 0, 65536, 65536]
    reset_peak()
    before = peak_mib()
    with pytest.raises(DataError, match="is longer than"):
        as_rle([corners * 300], 40, 40)
    assert peak_mib() - before < _MAX_MIB
    assert as_rle([[0, 0, 9, 0, 9, 9]], 40, 40) is not None


@pytest.mark.parametrize("stem", ["../x", "a\0b", "\ud800", "", "0" * 400])
def test_names_of_frames_are_names_of_files(tmp_path: Path, stem: str) -> None:
    (tmp_path / "masks").mkdir()
    video = {"name": "v", "size": [4, 4], "fps": 10, "frames": 1, "stems": [stem]}
    (tmp_path / "config.json").write_text(json.dumps({"video": video}))
    with pytest.raises(DataError, match="is not a valid name"):
        labelled_results(tmp_path)
    if stem and "/" not in stem:
        images = [{"id": 1, "file_name": f"{stem}.jpg", "width": 4, "height": 4}]
        (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": []}))
        with pytest.raises(DataError, match="is not a valid name"):
            list(read_exchange(tmp_path / "a.json", "coco"))


@pytest.mark.parametrize(
    "change", [{"size": [10**6, 10**6]}, {"frames": 10**9}, {"fps": "x"}, {"size": [4]}]
)
def test_a_hostile_config_of_results_is_one_sentence(tmp_path: Path, change: Any) -> None:
    video = {"name": "v", "size": [4, 4], "fps": 10, "frames": 1, **change}
    (tmp_path / "config.json").write_text(json.dumps({"video": video}))
    with pytest.raises(DataError, match="holds no whole results"):
        labelled_results(tmp_path)
