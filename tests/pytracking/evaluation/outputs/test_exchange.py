from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import read_image, read_rgba, write_label_map
from pytracking import convert_masks, run_tracker, run_video
from pytracking.evaluation.outputs.exchange import cvat, label_studio
from pytracking.evaluation.outputs.exchange.labelled_video import LabelledVideo
from pytracking.evaluation.outputs.exchange.registry import (
    detect_format,
    format_names,
    read_exchange,
    write_exchange,
)
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip, write_folder

EXACT = [name for name in format_names() if name != "green-screen"]
NAMED = ["youtube-vos", "coco", "youtube-vis", "cvat", "labelme", "label-studio", "fiftyone"]
ONE_OBJECT = ["alpha-mov", "alpha-webm"]
WITHOUT_EMPTY_FRAMES = ["mots", "cut-outs"]


def drawn_labels(length: int = 4) -> np.ndarray:
    """Label maps (T, H, W): ids 1, 2 and 254; object 2 leaves and returns; frame 1 begins empty."""
    labels = np.zeros((length, 46, 62), np.uint8)
    for index in range(length):
        labels[index, 5:20, 10 + index : 30 + index] = 1
        if index != 1:
            labels[index, 15:40, 35:50] = 2
            labels[index, 38, 3:9:2] = 254
    labels[2, 0, 0] = labels[2, -1, -1] = 1
    return labels


def video_of(labels: np.ndarray, name: str = "dog") -> LabelledVideo:
    frames = np.random.default_rng(0).integers(0, 255, (*labels.shape, 3), np.uint8)
    return LabelledVideo(
        name,
        (labels.shape[2], labels.shape[1]),
        [f"{index:05d}" for index in range(len(labels))],
        labels.__getitem__,
        {1: "dog", 2: "a red, <big> car"},
        fps=10.0,
        read_frame=frames.__getitem__,
    )


def read_all(video: LabelledVideo) -> np.ndarray:
    return np.stack([video.labels(index) for index in range(len(video))])


@pytest.mark.parametrize("name", EXACT)
def test_a_video_comes_back_from_every_format(tmp_path: Path, name: str) -> None:
    labels = drawn_labels()
    (target,) = write_exchange(name, [video_of(labels)], tmp_path / f"dog{_suffix(name)}")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    (found,) = read_exchange(target, name)
    expected = labels.clip(max=1) if name in ONE_OBJECT else labels
    assert np.array_equal(read_all(found), expected)
    assert found.size == (62, 46)
    if name not in ("mots", *ONE_OBJECT, "cvat", "fiftyone"):
        assert list(found.stems) == ["00000", "00001", "00002", "00003"]
    if name in NAMED:
        assert dict(found.names) == {1: "dog", 2: "a red, <big> car"}
        assert found.name_of(254) == "object 254"
    if name in ("cvat", "mots", "coco", "youtube-vis", "label-studio", "fiftyone", "youtube-vos"):
        assert detect_format(target) == name


def _suffix(name: str) -> str:
    suffixes = {"cvat": ".xml", "mots": ".txt", "alpha-mov": ".mov", "alpha-webm": ".webm"}
    return suffixes.get(name, ".json" if name in ("coco", "youtube-vis", "label-studio") else "")


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_label_map_comes_back_from_text_formats(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    values = st.sampled_from([0, 0, 1, 2, 7, 254])
    flat = data.draw(st.lists(values, min_size=height * width, max_size=height * width))
    labels = np.array(flat, np.uint8).reshape(1, height, width)
    for name in ("coco", "youtube-vis", "cvat", "labelme", "label-studio"):
        if name == "label-studio" and not labels.any():
            continue
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"v{_suffix(name)}"
            video = LabelledVideo("v", (width, height), ["0"], labels.__getitem__)
            write_exchange(name, [video], target)
            (found,) = read_exchange(target, name)
            assert np.array_equal(found.labels(0), labels[0]), name


def test_brush_of_label_studio_is_the_one_of_its_own_package() -> None:
    brush = pytest.importorskip(
        "label_studio_sdk.converter.brush", reason="label-studio-sdk is not installed"
    )
    mask = drawn_labels()[2] == 1
    values = brush.decode_rle(label_studio.encode_brush(mask))
    assert np.array_equal(values.reshape(46, 62, 4)[..., 3] > 0, mask)
    theirs = brush.mask2rle(mask.astype(np.uint8) * 255)
    assert np.array_equal(label_studio.decode_brush(theirs, mask.shape), mask)


def test_detections_of_supervision() -> None:
    supervision = pytest.importorskip("supervision", reason="supervision is not installed")
    from pytracking.evaluation.outputs.exchange.supervision import from_detections, to_detections

    labels = drawn_labels()[0]
    found = to_detections(labels, {1: "dog"})
    assert isinstance(found, supervision.Detections)
    assert found.tracker_id.tolist() == [1, 2, 254]
    assert found.xyxy[1].tolist() == [35.0, 15.0, 50.0, 40.0]
    assert found.data["class_name"].tolist() == ["dog", "object 2", "object 254"]
    assert np.array_equal(from_detections(found, labels.shape), labels)
    assert len(to_detections(np.zeros((3, 4), np.uint8))) == 0


def test_coco_file_is_read_by_its_own_package(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    labels = drawn_labels()
    write_exchange("coco", [video_of(labels), video_of(labels[:2], "cat")], tmp_path / "a.json")
    api = coco.COCO(str(tmp_path / "a.json"))
    assert len(api.getImgIds()) == 6
    annotation = api.loadAnns(api.getAnnIds(imgIds=[3]))[0]
    assert np.array_equal(api.annToMask(annotation), labels[2] == annotation["track_id"])
    assert annotation["area"] == (labels[2] == 1).sum()


@pytest.mark.parametrize("name", ["png", "davis", "youtube-vos", "coco", "youtube-vis"])
def test_several_videos_share_one_file_or_folder(tmp_path: Path, name: str) -> None:
    labels = drawn_labels()
    videos = [video_of(labels, "b"), video_of(labels[1:3], "a")]
    (target,) = write_exchange(name, videos, tmp_path / f"all{_suffix(name)}")
    found = {video.name: read_all(video) for video in read_exchange(target)}
    assert found.keys() == {"a", "b"}
    assert np.array_equal(found["b"], labels)
    assert np.array_equal(found["a"], labels[1:3])


def test_several_videos_become_a_folder_of_files(tmp_path: Path) -> None:
    videos = [video_of(drawn_labels(), "../b"), video_of(drawn_labels(), "a")]
    written = write_exchange("cvat", videos, tmp_path / "tasks")
    assert [str(path.relative_to(tmp_path)) for path in written] == [
        "tasks/_._b.xml",
        "tasks/a.xml",
    ]


def test_cut_outs_hold_the_pixels_of_the_object(tmp_path: Path) -> None:
    labels = drawn_labels()
    video = video_of(labels)
    write_exchange("cut-outs", [video], tmp_path / "cut")
    pixels = read_rgba(tmp_path / "cut" / "2" / "00003.png")
    assert np.array_equal(pixels[..., 3] == 255, labels[3] == 2)
    assert np.array_equal(pixels[20, 40, :3], video.frame(3)[20, 40])
    assert not (tmp_path / "cut" / "2" / "00001.png").exists()


def test_polygons_and_boxes_of_labelling_tools_are_filled(tmp_path: Path) -> None:
    xml = """<annotations><version>1.1</version><meta><task><name>clip.mp4</name><size>2</size>
    <original_size><width>20</width><height>10</height></original_size></task></meta>
    <track id="0" label="car"><polygon frame="0" outside="0" points="1,1;8,1;8,6;1,6"/>
    <polygon frame="1" outside="1" points="1,1;8,1;8,6;1,6"/></track>
    <track id="1" label="dog"><box frame="1" outside="0" xtl="2" ytl="3" xbr="5" ybr="7"/></track>
    </annotations>"""
    (tmp_path / "a.xml").write_text(xml)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("annotations.xml", xml)
    for file in ("a.xml", "a.zip"):
        (video,) = read_exchange(tmp_path / file)
        labels = read_all(video)
        assert (video.name, video.names) == ("clip", {1: "car", 2: "dog"})
        assert (labels[0, 1:7, 1:9] == 1).all()
        assert np.count_nonzero(labels[0]) == 48
        assert (labels[1, 3:8, 2:6] == 2).all()
        assert np.count_nonzero(labels[1]) == 20
    shape = {"label": "car", "points": [[1, 1], [8, 1], [8, 6], [1, 6]], "group_id": None,
             "shape_type": "polygon"}  # fmt: skip
    (tmp_path / "labelme").mkdir()
    for index in range(2):
        content = {"imageWidth": 20, "imageHeight": 10, "shapes": [shape]}
        (tmp_path / "labelme" / f"{index}.json").write_text(json.dumps(content))
    (video,) = read_exchange(tmp_path / "labelme")
    assert np.count_nonzero(read_all(video) == 1) == 96
    assert video.names == {1: "car"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><annotations/>", "document type"),
        ("a.xml", "<annotations><meta/></annotations>", "it has no task"),
        ("a.xml", "<annotations", "is not annotations"),
        ("a.json", '{"annotations": [{}], "images": []}', "is damaged"),
        ("a.json", "{}", "is not recognised"),
        ("a.json", '[{"data": {"image": "a.jpg"}}]', "no brush"),
        ("a.txt", "0 1001 1 4 4", "5 fields"),
        ("a.txt", "99999999 1001 1 4 4 `0", "frames"),
        ("a.bin", "", "is not recognised"),
    ],
)
def test_damaged_files_are_one_sentence(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises((ConfigError, DataError), match=words):
        list(read_exchange(tmp_path / name))


@pytest.mark.parametrize("mask", ["", "!", "AAAA", "eJwDAAAAAAE=", 3, None])
def test_damaged_masks_of_fiftyone_are_one_sentence(tmp_path: Path, mask: object) -> None:
    labels = drawn_labels(3)
    write_exchange("fiftyone", [video_of(labels)], tmp_path / "a")
    file = tmp_path / "a" / "labels" / "dog.json"
    content = json.loads(file.read_text())
    content["frames"]["1"]["objects"]["objects"][0]["mask"] = mask
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"dog\.json is damaged"):
        [read_all(video) for video in read_exchange(tmp_path / "a")]


def test_runs_of_cvat_must_fill_their_box() -> None:
    mask = np.array([[0, 1, 1], [1, 0, 0]], bool)
    assert cvat.encode_box_runs(mask) == [1, 3, 2]
    assert np.array_equal(cvat.decode_box_runs([1, 3, 2], 3, 2), mask)
    with pytest.raises(ValueError, match="cover 7 pixels"):
        cvat.decode_box_runs([1, 3, 3], 3, 2)


def test_nothing_is_left_of_a_write_that_fails(tmp_path: Path) -> None:
    def fail(index: int) -> np.ndarray:
        if index == 2:
            raise DataError("00002.png is damaged")
        return drawn_labels()[index]

    for name in ("png", "coco", "cvat", "label-studio", "labelme"):
        broken = LabelledVideo("dog", (62, 46), list("0123"), fail)
        with pytest.raises(DataError, match=r"00002\.png is damaged"):
            write_exchange(name, [broken], tmp_path / name)
        left = list((tmp_path / name).iterdir()) if (tmp_path / name).is_dir() else []
        assert not left
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_convert_masks_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = drawn_labels()
    write_exchange("png", [video_of(labels)], tmp_path / "masks")
    arguments = [str(tmp_path / "masks"), str(tmp_path / "a.xml"), "--to", "cvat"]
    assert convert_masks.main(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'a.xml'}\n"
    assert convert_masks.main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert convert_masks.main([*arguments, "--overwrite"]) == 0
    back = [str(tmp_path / "a.xml"), str(tmp_path / "back"), "--to", "png"]
    assert convert_masks.main(back) == 0
    (found,) = read_exchange(tmp_path / "back")
    assert np.array_equal(read_all(found), labels)
    without = [str(tmp_path / "masks"), str(tmp_path / "cut"), "--to", "cut-outs"]
    assert convert_masks.main(without) == 2
    assert "--frames" in capsys.readouterr().err
    assert convert_masks.main([*without[:3], "nonsense"]) == 2
    assert "no exchange format is called 'nonsense'" in capsys.readouterr().err


def test_green_screen_shows_objects_on_green(tmp_path: Path) -> None:
    import av

    labels = drawn_labels()
    (file,) = write_exchange("green-screen", [video_of(labels)], tmp_path / "green.mp4")
    with av.open(str(file)) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(pixels[44, 2].astype(int) - (0, 177, 64)).max() < 12


def test_members_of_an_archive_are_bounded(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("other.xml", "<a/>")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"has no annotations\.xml"):
        list(read_exchange(tmp_path / "a.zip"))


def test_frames_are_pictures_of_the_video(tmp_path: Path) -> None:
    from ltr.data.image_io import write_image
    from pytracking.evaluation.outputs.exchange.frames import with_frames

    labels = drawn_labels()
    video = video_of(labels)
    for index, stem in enumerate(video.stems):
        write_image(tmp_path / "frames" / f"{stem}.png", video.frame(index))
    write_exchange("png", [video], tmp_path / "masks")
    (found,) = with_frames(read_exchange(tmp_path / "masks"), tmp_path / "frames")
    assert np.array_equal(found.frame(2), read_image(tmp_path / "frames" / "00002.png"))


def test_run_video_exports_what_it_wrote(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "bar.mp4", numbered_frames(5))
    write_label_map(tmp_path / "first.png", bar_mask(0).astype(np.uint8) * 3)
    out = tmp_path / "out"
    arguments = [
        *("baseline", "copy_mask", str(clip), "--quiet", "--output", str(out)),
        *("--mask", f"1:{tmp_path / 'first.png'}", "--export", "cvat"),
        *("--export", f"coco:{tmp_path / 'c.json'}", "--export", f"cut-outs:{tmp_path / 'cut'}"),
    ]
    assert run_video.main([*arguments[:-1], "nonsense"]) == 2
    assert not out.exists()
    assert run_video.main(arguments) == 0
    expected = np.zeros((5, 48, 64), np.uint8)
    expected[1:] = bar_mask(0) * np.uint8(3)
    for target in (tmp_path / "out_cvat.xml", tmp_path / "c.json"):
        (found,) = read_exchange(target)
        assert np.array_equal(read_all(found), expected)
    assert len(list((tmp_path / "cut" / "3").iterdir())) == 4


def test_run_tracker_exports_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(tmp_path / "results"))
    for name in ("a", "b"):
        write_folder(tmp_path / "set/JPEGImages" / name, numbered_frames(3))
        mask = bar_mask(0).astype(np.uint8)
        write_label_map(tmp_path / "set/Annotations" / name / "00000.png", mask)
    arguments = ["baseline", "copy_mask", "--dataset-name", "folder:set", "--quiet"]
    assert (
        run_tracker.main([*arguments, "--export", "youtube-vis:v.json", "--export", "cvat:c"]) == 0
    )
    videos = {video.name: read_all(video) for video in read_exchange(tmp_path / "v.json")}
    assert sorted(videos) == ["a", "b"]
    (found,) = read_exchange(tmp_path / "c" / "b.xml")
    assert np.array_equal(read_all(found), videos["b"])
    assert np.array_equal(videos["a"][2], bar_mask(0))
