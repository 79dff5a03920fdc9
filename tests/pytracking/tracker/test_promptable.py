from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ltr.admin.errors import CheckpointError, DataError
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking import load_tracker, run_tracker, run_video, segment_video
from pytracking.evaluation.prompt_types import Point, Prompt
from pytracking.evaluation.session import VideoSession
from pytracking.evaluation.tracker import TrackerSpec, describe_run
from pytracking.tracker.base import FrameInfo, OnlineTracker, Runtime
from pytracking.tracker.interactive.scribble_networks import create_scribble_to_mask
from tests.pytracking.clips import bar_mask, numbered_frames, write_folder
from tests.small_promptable import write_small_edgetam, write_small_sam2, write_small_sam3

pytest.importorskip("transformers", reason="transformers is not installed")

LENGTH = 5


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_sam2(tmp_path_factory.mktemp("networks") / "small")


@pytest.fixture(scope="module")
def tracker(weights: Path) -> OnlineTracker:
    return load_tracker("sam2", "hiera_tiny", net=str(weights))


def frames(length: int = LENGTH) -> np.ndarray:
    return np.stack(numbered_frames(length))


def mask_of(index: int, number: int = 1) -> np.ndarray:
    return bar_mask(index).astype(np.uint8) * np.uint8(number)


def test_results_are_those_of_the_models_own_session(tracker: OnlineTracker, weights: Path) -> None:
    """A second object starts late; the label map is the largest positive logit."""
    import transformers

    model = transformers.Sam2VideoModel.from_pretrained(weights).eval()
    processor = transformers.Sam2VideoProcessor.from_pretrained(weights)
    session = processor.init_video_session(inference_device="cpu", dtype=torch.float32)
    late = np.roll(mask_of(0, 7), 25, axis=1)
    prompts = {0: mask_of(0, 3), 2: late}
    found = [frame.output for frame in segment_video(tracker, frames(), prompts)]
    with torch.inference_mode():
        for index, image in enumerate(frames()):
            inputs = processor(images=image, return_tensors="pt")
            if index in prompts:
                number = int(prompts[index].max())
                processor.add_inputs_to_inference_session(
                    session,
                    frame_idx=index,
                    obj_ids=[number],
                    input_masks=[prompts[index] > 0],
                    original_size=inputs.original_sizes[0],
                )
            out = model(inference_session=session, frame=inputs.pixel_values[0])
            logits = processor.post_process_masks(
                [out.pred_masks], original_sizes=inputs.original_sizes, binarize=False
            )[0][:, 0].numpy()
            expected = np.array(out.object_ids, np.uint8)[logits.argmax(axis=0)]
            expected[logits.max(axis=0) <= 0] = 0
            assert np.array_equal(found[index].segmentation, expected), index
            assert list(found[index].boxes) == ([3] if index < 2 else [3, 7])


@pytest.mark.parametrize(
    ("words", "write"),
    [(("edgetam", "edgetam"), write_small_edgetam), (("sam3", "sam3"), write_small_sam3)],
)
def test_other_models_follow_objects_that_start_late(
    words: tuple[str, str], write: Callable[[Path], Path], tmp_path: Path
) -> None:
    tracker = load_tracker(*words, net=str(write(tmp_path)))
    late = np.roll(mask_of(0, 7), 25, axis=1)
    found = list(segment_video(tracker, frames(4), {0: mask_of(0, 3), 2: late}))
    assert [list(frame.output.boxes) for frame in found] == [[3], [3], [3, 7], [3, 7]]
    assert set(np.unique(found[-1].output.segmentation)) <= {0, 3, 7}
    start = found[0].output.segmentation == 3
    assert (start & bar_mask(0)).sum() / (start | bar_mask(0)).sum() > 0.9


def test_memory_stays_bounded_and_results_equal(weights: Path) -> None:
    short = load_tracker("sam2", "hiera_tiny", net=str(weights))
    full = load_tracker("sam2", "hiera_tiny", overrides=["kept_frames=1000"], net=str(weights))
    video = frames(24)
    masks = [
        [frame.output.segmentation for frame in segment_video(one, video, mask_of(0))]
        for one in (short, full)
    ]
    assert np.array_equal(masks[0], masks[1])
    for one, kept in ((short, 17), (full, 23)):
        session = one.state.groups[0].session
        assert len(session.processed_frames) == 1
        assert len(session.output_dict_per_obj[0]["non_cond_frame_outputs"]) == kept


def test_two_videos_one_after_the_other_do_not_mix(tracker: OnlineTracker) -> None:
    first = [f.output.segmentation for f in segment_video(tracker, frames(), mask_of(0))]
    list(segment_video(tracker, frames(3)[:, ::-1], mask_of(0)[::-1]))
    again = [f.output.segmentation for f in segment_video(tracker, frames(), mask_of(0))]
    assert np.array_equal(first, again)


def test_a_session_corrects_and_removes(tracker: OnlineTracker) -> None:
    with VideoSession(tracker, list(frames())) as session:
        session.add(0, Prompt(1, mask=mask_of(0)))
        session.add(0, Prompt(2, mask=np.roll(mask_of(0), 30, axis=1)))
        list(session.propagate(direction="forward"))
        session.correct(2, Prompt(1, mask=mask_of(2)))
        outputs = list(session.propagate(2, direction="forward"))
        assert outputs[-1].index == LENGTH - 1
        session.remove(2)
        last = list(session.propagate(direction="forward"))[-1]
        assert 2 not in np.unique(last.output.segmentation)


def test_points_become_masks_by_the_model(weights: Path) -> None:
    to_mask = create_scribble_to_mask(f"sam2:{weights}", torch.device("cpu"))
    image = frames(1)[0]
    lines = [
        ScribbleLine(np.array([[0.1, 0.3], [0.1, 0.5]]), 1),
        ScribbleLine(np.array([[0.8, 0.8]]), 2),
        ScribbleLine(np.array([[0.5, 0.1]]), 0),
    ]
    labels = to_mask.segment(image, lines, None, 2)
    assert labels.shape == (48, 64)
    assert set(np.unique(labels)) <= {0, 1, 2}
    assert np.array_equal(labels, to_mask.segment(image, lines, None, 2))
    other = to_mask.segment(image, lines[:1], np.full((48, 64), 3, np.uint8), 3)
    assert set(np.unique(other)) <= {1, 3}
    with VideoSession(load_tracker("baseline", "copy_mask"), list(frames(2)), to_mask) as session:
        session.add(0, Prompt(1, points=(Point(5, 18),)))
        assert session.preview(0).shape == (48, 64)


def test_bad_input_is_one_sentence(tracker: OnlineTracker, tmp_path: Path) -> None:
    image = frames(1)[0]
    with pytest.raises(DataError, match="shows nothing of the objects"):
        tracker.initialize(image, FrameInfo((1, 5), mask_of(0)))
    with pytest.raises(DataError, match="of the frame's size"):
        tracker.initialize(image, FrameInfo((1,), mask_of(0)[:9]))
    for content, words in (
        (None, "was not found"),
        ("{}", "is not a folder with"),
        ("bad", "not a"),
    ):
        folder = tmp_path / str(words)
        if content is not None:
            folder.mkdir()
            (folder / "config.json").write_text(content)
        if content == "bad":
            (folder / "model.safetensors").write_bytes(b"bad")
        with pytest.raises(CheckpointError, match=words):
            load_tracker("sam2", "hiera_tiny", net=str(folder) if content else "nowhere")


def test_commands_run_with_a_peer(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ltr.data.image_io import write_label_map

    write_folder(tmp_path / "set/JPEGImages/bar", numbered_frames(3))
    write_label_map(tmp_path / "set/Annotations/bar/00000.png", mask_of(0))
    words = ["sam2", "hiera_tiny", "--net", str(weights), "--quiet"]
    results = ["--dataset-name", f"folder:{tmp_path / 'set'}", "--results", str(tmp_path / "r")]
    assert run_tracker.main([*words, *results]) == 0
    video = str(tmp_path / "set/JPEGImages/bar")
    mask = str(tmp_path / "set/Annotations/bar/00000.png")
    assert (
        run_video.main(
            [*words[:2], video, *words[2:], "--mask", mask, "--output", str(tmp_path / "o")]
        )
        == 0
    )
    run = describe_run(
        TrackerSpec("sam2", "hiera_tiny", net=str(weights)), Runtime(torch.device("cpu"))
    )
    assert len(run["network_sha256"] or "") == 64
