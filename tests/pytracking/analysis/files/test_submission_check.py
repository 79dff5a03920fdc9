"""Archives for the servers: what is missing, wrong or dangerous is named."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import encode_label_map
from ltr.data.rle import as_rle
from pytracking.analysis.files.submission_check import (
    ExpectedVideo,
    InstanceSubmission,
    MaskSubmission,
    check_submission,
)
from pytracking.evaluation.scoring import expected_submission
from tests.shared_material import data

_VIDEO = ExpectedVideo("Annotations/dog", ("00000", "00005"), (6, 9), frozenset({1, 2}))
_EXPECTED = MaskSubmission("https://server", (_VIDEO,))
_MASK = np.zeros((6, 9), np.uint8)
_MASK[2:4, 3:6] = 2
_GOOD = {f"Annotations/dog/{frame}.png": encode_label_map(_MASK) for frame in _VIDEO.frames}


def _zip(path, members: dict[str, bytes], **attributes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = attributes.get(name, 0o644) << 16
            archive.writestr(info, content)
    return path


def test_a_complete_archive(tmp_path):
    path = _zip(tmp_path / "a.zip", {"Annotations/": b"", "Annotations/dog/": b"", **_GOOD})
    text = check_submission(path, _EXPECTED)
    assert "is complete (2 masks in 1 folders): upload it to https://server" in text


def _encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Annotations/dog/00005.png": None}, r"Annotations/dog/00005\.png is missing"),
        ({"Annotations/dog/00010.png": b"x"}, r"00010\.png does not belong there"),
        ({"__MACOSX/x": b"x"}, "__MACOSX/x does not belong there"),
        (
            {"Annotations/dog/00000.png": _encoded(np.zeros((9, 6), np.uint8))},
            "is 6x9, the video 9x6",
        ),
        (
            {"Annotations/dog/00000.png": encode_label_map(_MASK * 4)},
            r"values \[8\], only \[1, 2\]",
        ),
        (
            {"Annotations/dog/00000.png": _encoded(np.zeros((6, 9, 3), np.uint8))},
            "an 8-bit palette or",
        ),
        ({"Annotations/dog/00000.png": b""}, "is an empty file|is not a PNG"),
        ({"Annotations/dog/00000.png": _GOOD["Annotations/dog/00000.png"][:50]}, "is truncated"),
    ],
)
def test_problems_of_masks_are_named(tmp_path, change, message):
    members = {k: v for k, v in (_GOOD | change).items() if v is not None}
    with pytest.raises(DataError, match=message):
        check_submission(_zip(tmp_path / "a.zip", members), _EXPECTED)


def test_a_wrong_top_folder_is_named(tmp_path):
    members = {name.removeprefix("Annotations/"): content for name, content in _GOOD.items()}
    with pytest.raises(DataError, match="the folder Annotations/dog is missing; dog/00000"):
        check_submission(_zip(tmp_path / "a.zip", members), _EXPECTED)


@pytest.mark.parametrize(
    "name", ["../x.png", "/etc/x.png", "a/../../x.png", "a\\..\\x.png", "C:/x"]
)
def test_names_that_leave_the_folder_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="would leave the folder"):
        check_submission(_zip(tmp_path / "a.zip", {**_GOOD, name: b"x"}), _EXPECTED)


def test_links_are_refused(tmp_path):
    name = "Annotations/dog/00000.png"
    path = _zip(tmp_path / "a.zip", {**_GOOD, name: b"/etc/passwd"}, **{name: 0o120777})
    with pytest.raises(DataError, match="is a link"):
        check_submission(path, _EXPECTED)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_doubled_names_are_refused(tmp_path):
    path = _zip(tmp_path / "a.zip", _GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Annotations/dog/00000.png", b"other")
    with pytest.raises(DataError, match="2 times"):
        check_submission(path, _EXPECTED)


def test_bombs_are_not_unpacked(tmp_path):
    path = _zip(tmp_path / "a.zip", {**_GOOD, "Annotations/dog/00000.png": bytes(64 << 20)})
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataError, match="has 67108864 bytes"):
        check_submission(path, _EXPECTED)


def test_results_that_are_a_bomb_are_not_unpacked(tmp_path):
    path = _zip(tmp_path / "a.zip", {"results.json": b"[" + bytes(32 << 20)})
    expected = InstanceSubmission("https://server", {1: (2, 6, 9)}, frozenset({1}))
    with pytest.raises(DataError, match=r"results\.json has 33554433 bytes"):
        check_submission(path, expected)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(10)])
def test_what_is_no_zip_is_named(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match="is not a zip file"):
        check_submission(tmp_path / "a.zip", _EXPECTED)
    with pytest.raises(DataError, match="cannot be read"):
        check_submission(tmp_path / "b.zip", _EXPECTED)


def test_a_form_of_the_future_is_no_zip(tmp_path):
    path = _zip(tmp_path / "a.zip", _GOOD)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 128  # version that is needed to read it
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not a zip file: zip file version 12"):
        check_submission(path, _EXPECTED)


def test_a_damaged_member_is_named(tmp_path):
    path = _zip(tmp_path / "a.zip", _GOOD)
    content = bytearray(path.read_bytes())
    content[80:90] = bytes(10)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"00000\.png"):
        check_submission(path, _EXPECTED)


_INSTANCES = InstanceSubmission("https://server", {7: (2, 6, 9)}, frozenset({1, 2}))


def _instance(**change) -> dict:
    rle = as_rle({"size": [6, 9], "counts": [10, 5, 39]}, 6, 9)
    mask = {"size": [6, 9], "counts": rle["counts"].decode()}
    entry = {"video_id": 7, "category_id": 1, "score": 0.5, "segmentations": [mask, None]}
    return entry | change


def test_complete_instances(tmp_path):
    path = _zip(tmp_path / "a.zip", {"results.json": json.dumps([_instance()]).encode()})
    assert "is complete (1 instances)" in check_submission(path, _INSTANCES)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_instance(video_id=8), "instance 0: there is no video 8"),
        (_instance(category_id=3), "there is no category 3"),
        (_instance(score=None), "the score is None"),
        (_instance(segmentations=[None]), "1 masks, the video has 2 frames"),
        (_instance(segmentations=[None, {"size": [9, 6], "counts": "1"}]), r"frame 1: the mask is"),
        (_instance(segmentations=[None, {"size": [6, 9], "counts": "1"}]), "cover 1 pixels"),
        ({"video_id": 7}, "expected category_id, score"),
        ("text", "expected category_id"),
    ],
)
def test_problems_of_instances_are_named(tmp_path, entry, message):
    path = _zip(tmp_path / "a.zip", {"results.json": json.dumps([entry]).encode()})
    with pytest.raises(DataError, match=message):
        check_submission(path, _INSTANCES)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"result.json": b"[]"}, r"has no results\.json"),
        ({"results.json": b"[]", "notes.txt": b""}, r"notes\.txt does not belong there"),
        ({"results.json": b"[1,"}, "is not JSON"),
        ({"results.json": b"[" * 100000}, "is not JSON"),
        ({"results.json": b"{}"}, "not a list of instances"),
    ],
)
def test_other_files_of_instances_are_named(tmp_path, members, message):
    with pytest.raises(DataError, match=message):
        check_submission(_zip(tmp_path / "a.zip", members), _INSTANCES)


def test_what_the_servers_want_of_the_small_data_sets():
    roots = {
        "davis_dir": data("davis-mini"),
        "youtubevos_dir": data("ytvos-mini"),
        "ytvis2019_dir": data("ytvis-mini"),
        "refytvos_dir": data("refytvos-mini"),
    }
    davis = expected_submission("dv2017_val", roots.__getitem__)
    assert [(v.folder, len(v.frames), v.size) for v in davis.videos] == [
        ("blackswan", 50, (480, 854)), ("bmx-trees", 80, (480, 854)),
    ]  # fmt: skip
    youtube = {
        v.folder: v for v in expected_submission("yt2019_valid_all", roots.__getitem__).videos
    }
    late = youtube["Annotations/d1833fd6d5"]
    assert late.labels == {1, 2}
    assert late.frames[0] == "00015"
    instances = expected_submission("ytvis2019_valid", roots.__getitem__)
    assert len(instances.videos) == 2
    assert len(instances.categories) == 40
    sentences = expected_submission("refytvos_valid", roots.__getitem__)
    assert {v.labels for v in sentences.videos} == {frozenset({255})}
    assert len({v.folder.split("/")[1] for v in sentences.videos}) == 2
    with pytest.raises(ConfigError, match="did you mean 'yt2019_valid"):
        expected_submission("yt2019_vald", roots.__getitem__)
