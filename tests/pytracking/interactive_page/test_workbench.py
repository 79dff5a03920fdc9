"""The work behind the page: rounds, undo, further objects, limits, export."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import decode_label_map, read_label_map
from ltr.data.interactive.scribbles import ScribbleLine, read_scribbles
from pytracking.interactive_page.settings import PageSettings
from pytracking.interactive_page.steps import Cancelled
from pytracking.tracker.interactive.quality import ConfidenceQuality
from pytracking.utils.video_reader import read_video
from tests.page_server import plain_workbench, write_clip
from tests.small_hosts import (
    clip,
    first_lines,
    small_adapter,
    small_atnet,
    small_ipn,
    small_manet,
)


def line(object_id: int, *points: tuple[float, float]) -> ScribbleLine:
    return ScribbleLine(np.array(points), object_id)


def masks(workbench) -> list[bytes]:
    return [workbench.mask_png(frame) for frame in range(len(workbench.video.frames))]


@pytest.fixture
def bench(tmp_path):
    workbench = plain_workbench()
    workbench.open(write_clip(tmp_path / "clip.mp4"))
    return workbench


FIRST = line(1, (0.2, 0.5), (0.5, 0.5))
SECOND = line(0, (0.4, 0.2), (0.4, 0.9))


def test_a_round_gives_masks_quality_and_the_next_frame(bench):
    bench.propagate(2, [FIRST])
    state = bench.describe()
    labels = decode_label_map(bench.mask_png(4))
    assert labels.shape == (40, 60)
    assert labels[20, 20] == 1
    assert labels[2, 55] == 0
    assert state["quality"] == [1.0] * 5
    assert state["recommended"] in {0, 1, 3, 4}
    assert state["rounds"][0]["lines"][0]["path"] == [[0.2, 0.5], [0.5, 0.5]]


def test_undo_goes_back_and_the_host_forgets(bench):
    bench.propagate(2, [FIRST])
    before = masks(bench)
    bench.propagate(2, [SECOND])
    after = masks(bench)
    assert before != after
    bench.undo()
    assert masks(bench) == before
    bench.propagate(2, [SECOND])
    assert masks(bench) == after
    for _ in range(2):
        bench.undo()
    assert not bench.is_masked(0)
    with pytest.raises(DataError, match="no round"):
        bench.undo()


def test_an_object_can_come_later(bench):
    bench.propagate(0, [FIRST])
    bench.propagate(0, [line(3, (0.8, 0.8), (0.9, 0.8))])
    labels = decode_label_map(bench.mask_png(0))
    assert set(np.unique(labels)) == {0, 1, 3}
    assert bench.session.host.num_objects == 3


def test_a_failed_round_changes_nothing(bench):
    bench.propagate(0, [FIRST])
    before = masks(bench)
    for frame, lines, words in (
        (9, [FIRST], "no frame 9"),
        (0, [], "at least one line"),
        (0, [line(21, (0.1, 0.1))], "1 to 20"),
        (0, [FIRST] * 201, "more than 200"),
        (0, [line(1, *[(0.5, 0.5)] * 5001)], "more than 5000"),
    ):
        with pytest.raises(DataError, match=words):
            bench.propagate(frame, lines)
    assert masks(bench) == before


def test_the_first_round_needs_an_object(bench):
    with pytest.raises(DataError, match="needs a line on an object"):
        bench.propagate(0, [SECOND])


def test_without_a_clip_nothing_can_be_done(tmp_path):
    workbench = plain_workbench()
    assert workbench.describe()["video"] is None
    with pytest.raises(DataError, match="no video"):
        workbench.propagate(0, [FIRST])
    with pytest.raises(DataError, match="does not exist"):
        workbench.open(tmp_path / "missing.mp4")


def test_a_damaged_clip_leaves_the_old_one(bench, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    bench.propagate(0, [FIRST])
    with pytest.raises(DataError):
        bench.open(tmp_path / "bad.mp4")
    assert bench.video.name == "clip"
    assert len(bench.describe()["rounds"]) == 1


def test_limits_cut_the_clip(tmp_path):
    workbench = plain_workbench(max_frames=3, every=2, max_side=30)
    workbench.open(write_clip(tmp_path / "clip.mp4", frames=8))
    clip = workbench.describe()["video"]
    assert (clip["frames"], clip["width"], clip["height"], clip["length"]) == (3, 30, 20, 8)
    with pytest.raises(ConfigError, match="max_frames"):
        PageSettings(max_frames=0)


def test_the_export_has_the_size_of_the_file(tmp_path):
    workbench = plain_workbench(max_frames=3, every=2, max_side=30)
    workbench.open(write_clip(tmp_path / "clip.mp4", frames=8))
    with pytest.raises(DataError, match="nothing to export"):
        workbench.export(tmp_path / "out")
    workbench.propagate(1, [FIRST])
    for _ in range(2):
        workbench.export(tmp_path / "out")
    files = sorted((tmp_path / "out/masks").iterdir())
    assert [file.name for file in files] == ["00000.png", "00001.png", "00002.png"]
    labels = read_label_map(files[0])
    assert labels.shape == (40, 60)
    assert labels[20, 20] == 1
    with read_video(tmp_path / "out/overlay.mp4") as video:
        assert len(list(video)) == 3
    scribbles = read_scribbles(tmp_path / "out/scribbles.json")
    assert scribbles.annotated == [1]


def test_frames_without_an_object_are_exported_too(bench, tmp_path):
    bench.propagate(0, [FIRST])
    bench.propagate(4, [line(0, *[(x, 0.5) for x in np.linspace(0, 1, 9)])])
    assert not decode_label_map(bench.mask_png(4)).any()
    bench.export(tmp_path / "out")
    assert len([*(tmp_path / "out/masks").iterdir()]) == 5
    boxes = (tmp_path / "out/boxes/1.txt").read_text().splitlines()
    assert len(boxes) == 5
    assert boxes[4].split() == ["-1"] * 4


def test_confidence_is_the_overlap_of_soft_and_hard_mask():
    import torch

    probs = torch.zeros(2, 2, 1, 4)
    probs[0, 1, 0] = torch.tensor([1.0, 0.8, 0.4, 0.0])
    quality = ConfidenceQuality().estimate([], probs)
    assert quality == pytest.approx([1.8 / 2.4, 1.0])


def test_rounds_and_points_are_limited(tmp_path):
    """Four rounds of a million points took 1.5 GB."""
    workbench = plain_workbench(max_rounds=2, max_all_points=5)
    workbench.open(write_clip(tmp_path / "clip.mp4"))
    workbench.propagate(0, [FIRST])
    with pytest.raises(DataError, match="all rounds together have more than 5 points"):
        workbench.propagate(0, [FIRST, FIRST])
    workbench.propagate(1, [FIRST])
    with pytest.raises(DataError, match="there are 2 rounds already"):
        workbench.propagate(2, [line(1, (0.2, 0.5))])
    workbench.undo()
    workbench.propagate(2, [line(1, (0.2, 0.5))])


def test_a_cancelled_export_leaves_the_old_one(bench, tmp_path):
    bench.propagate(0, [FIRST])
    bench.export(tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    bench.cancel()
    with pytest.raises(Cancelled):
        bench.export(tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == before
    bench.renew()
    bench.export(tmp_path / "out")


@pytest.mark.parametrize("make", [small_atnet, small_manet, small_ipn, small_adapter])
def test_every_host_can_be_cancelled_at_any_frame(make):
    host, frames = make(), clip()
    host.start(frames, 2)
    wanted = host.interact(0, first_lines()).masks.copy()
    for limit in (0, 2):
        left = [limit]

        def count(left=left) -> None:
            if not left[0]:
                raise Cancelled
            left[0] -= 1

        host.start(frames, 2)
        host.on_frame = count
        with pytest.raises(Cancelled):
            host.interact(0, first_lines())
    host.on_frame = lambda: None
    host.start(frames, 2)
    np.testing.assert_array_equal(host.interact(0, first_lines()).masks, wanted)
