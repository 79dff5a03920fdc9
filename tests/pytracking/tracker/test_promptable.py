from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from ltr.admin.errors import CheckpointError, DataError
from ltr.data.image_io import read_label_map
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.data.rle import decode
from pytracking import load_tracker, run_tracker, run_video, segment_video
from pytracking.evaluation.prompt_types import Point, Prompt
from pytracking.evaluation.session import VideoSession
from pytracking.evaluation.tracker import TrackerSpec, describe_run
from pytracking.tracker.base import FrameInfo, OnlineTracker, Runtime
from pytracking.tracker.interactive.scribble_methods import create_scribble_to_mask
from pytracking.tracker.whole_video import TextPrompt
from tests.pytracking.clips import bar_mask, numbered_frames, write_folder
from tests.small_promptable import (
    write_small_edgetam,
    write_small_sam2,
    write_small_sam3,
    write_small_sam3_text,
)

pytest.importorskip("transformers", reason="transformers is not installed")

LENGTH = 5
NAMES = {"sam2": "hiera_tiny", "edgetam": "edgetam", "sam3": "sam3"}


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Small networks by system."""
    folder = tmp_path_factory.mktemp("networks")
    writers = {"sam2": write_small_sam2, "edgetam": write_small_edgetam, "sam3": write_small_sam3}
    return {system: write(folder / system) for system, write in writers.items()}


@pytest.fixture(scope="module", params=list(NAMES))
def peer(peers: Mapping[str, Path], request: pytest.FixtureRequest) -> OnlineTracker:
    """A tracker of each system."""
    tracker = load_tracker(request.param, NAMES[request.param], net=str(peers[request.param]))
    assert isinstance(tracker, OnlineTracker)
    return tracker


@pytest.fixture(scope="module")
def weights(peers: Mapping[str, Path]) -> Path:
    return peers["sam2"]


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


def test_boxes_are_prompts_of_the_model(tracker: OnlineTracker, weights: Path) -> None:
    import transformers

    model = transformers.Sam2VideoModel.from_pretrained(weights).eval()
    processor = transformers.Sam2VideoProcessor.from_pretrained(weights)
    session = processor.init_video_session(inference_device="cpu", dtype=torch.float32)
    box = (10.0, 6.0, 24.0, 30.0)
    found = segment_video(tracker, frames(), {0: FrameInfo((4,), None, {4: box})})
    with torch.inference_mode():
        for index, (frame, image) in enumerate(zip(found, frames(), strict=True)):
            inputs = processor(images=image, return_tensors="pt")
            if index == 0:
                processor.add_inputs_to_inference_session(
                    session, frame_idx=0, obj_ids=[4], input_boxes=[[[10.0, 6.0, 34.0, 36.0]]],
                    original_size=inputs.original_sizes[0],
                )  # fmt: skip
            out = model(inference_session=session, frame=inputs.pixel_values[0])
            logits = processor.post_process_masks(
                [out.pred_masks], original_sizes=inputs.original_sizes, binarize=False
            )[0][0, 0].numpy()
            assert np.array_equal(frame.output.segmentation, np.where(logits > 0, 4, 0)), index


def test_masks_and_boxes_may_start_together(peer: OnlineTracker) -> None:
    info = FrameInfo((3, 7), mask_of(0, 3), {7: (40.0, 20.0, 20.0, 20.0)})
    found = list(segment_video(peer, frames(3), {0: info}))
    assert [list(frame.output.boxes) for frame in found] == [[3, 7]] * 3
    start = found[0].output.segmentation == 3
    assert (start & bar_mask(0)).sum() / (start | bar_mask(0)).sum() > 0.9
    with pytest.raises(DataError, match="box"):
        list(
            segment_video(peer, frames(1), {0: FrameInfo((1,), None, {1: (900.0, 0.0, 9.0, 9.0)})})
        )


def test_objects_may_start_late(peer: OnlineTracker) -> None:
    late = np.roll(mask_of(0, 7), 25, axis=1)
    found = list(segment_video(peer, frames(4), {0: mask_of(0, 3), 2: late}))
    assert [list(frame.output.boxes) for frame in found] == [[3], [3], [3, 7], [3, 7]]
    assert set(np.unique(found[-1].output.segmentation)) <= {0, 3, 7}
    start = found[0].output.segmentation == 3
    assert (start & bar_mask(0)).sum() / (start | bar_mask(0)).sum() > 0.9


def test_memory_stays_bounded_and_results_equal(
    peer: OnlineTracker, peers: Mapping[str, Path]
) -> None:
    """Two objects over 20 frames, with all results kept and with the last 16."""
    (system,) = (name for name in peers if type(peer).__module__.endswith(f".{name}"))
    everything = load_tracker(
        system, NAMES[system], overrides=["kept_frames=1000"], net=str(peers[system])
    )
    video, starts = frames(20), mask_of(0) + np.roll(mask_of(0, 2), 30, axis=1)
    masks = [
        [frame.output.segmentation for frame in segment_video(one, video, starts)]
        for one in (peer, everything)
    ]
    assert np.array_equal(masks[0], masks[1])
    for one, kept in ((peer, 17), (everything, 19)):
        for group in one.state.groups:
            assert len(group.session.processed_frames) == 1
            for outputs in group.session.output_dict_per_obj.values():
                assert len(outputs["non_cond_frame_outputs"]) == kept


def test_two_videos_one_after_the_other_do_not_mix(peer: OnlineTracker) -> None:
    first = [f.output.segmentation for f in segment_video(peer, frames(), mask_of(0))]
    list(segment_video(peer, frames(3)[:, ::-1], mask_of(0)[::-1]))
    again = [f.output.segmentation for f in segment_video(peer, frames(), mask_of(0))]
    assert np.array_equal(first, again)


def test_a_session_corrects_and_removes(peer: OnlineTracker) -> None:
    with VideoSession(peer, list(frames())) as session:
        session.add(0, Prompt(1, mask=mask_of(0)))
        session.add(0, Prompt(2, mask=np.roll(mask_of(0), 30, axis=1)))
        list(session.propagate(direction="forward"))
        session.correct(2, Prompt(1, mask=mask_of(2)))
        outputs = list(session.propagate(2, direction="forward"))
        assert outputs[-1].index == LENGTH - 1
        session.remove(2)
        last = list(session.propagate(direction="forward"))[-1]
        assert 2 not in np.unique(last.output.segmentation)


@pytest.mark.parametrize("system", NAMES)
def test_points_become_masks_by_the_model(system: str, peers: Mapping[str, Path]) -> None:
    to_mask = create_scribble_to_mask(f"{system}:{peers[system]}", torch.device("cpu"))
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


@pytest.fixture(scope="module")
def text_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_sam3_text(tmp_path_factory.mktemp("text") / "small")


def test_texts_find_the_objects_of_the_models_own_session(text_weights: Path) -> None:
    """Each text gets the surest of the objects that it has found, in masks of the frame's size."""
    import transformers

    texts = ("a bar", "dog")
    tracker = load_tracker("sam3_text", "sam3", net=str(text_weights))
    found = tracker.segment(list(frames(3)), TextPrompt((*texts, "a bar")))
    assert [len(track.masks) for track in found] == [3, 3, 3]
    assert found[0] == found[2]
    model = transformers.Sam3VideoModel.from_pretrained(text_weights).eval()
    processor = transformers.Sam3VideoProcessor.from_pretrained(text_weights)
    session = processor.init_video_session(inference_device="cpu", dtype=torch.float32)
    processor.add_text_prompt(session, list(texts))
    for index, image in enumerate(frames(3)):
        inputs = processor(images=image, return_tensors="pt")
        out = model(inference_session=session, frame=inputs.pixel_values[0])
        result = processor.postprocess_outputs(session, out, original_sizes=[[48, 64]])
        ids = result["object_ids"].tolist()
        for track, text in zip(found, texts, strict=False):
            places = [ids.index(key) for key in result["prompt_to_obj_ids"][text]]
            best = max(places, key=lambda place: float(result["scores"][place]))
            assert track.frame_scores[index] == pytest.approx(float(result["scores"][best]))
            mask = track.masks[index]
            assert mask is not None
            assert np.array_equal(decode(mask) > 0, result["masks"][best].numpy())


@pytest.mark.parametrize(
    "tracker",
    [("sam3_text", "sam3"), ("baseline", "copy_mask", "--text-finder", "sam3_text:sam3")],
)
def test_a_command_finds_objects_by_text(
    tracker: tuple[str, ...],
    text_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By itself, and for a tracker of masks."""
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path))
    (tmp_path / "sam3").symlink_to(text_weights)
    write_folder(tmp_path / "bar", numbered_frames(3))
    words = [str(tmp_path / "bar"), "--text", "a bar", "--quiet", "--output", str(tmp_path / "o")]
    assert run_video.main([*tracker[:2], *words, *tracker[2:]]) == 0
    masks = sorted((tmp_path / "o" / "masks").iterdir())
    assert [path.name for path in masks] == ["00000.png", "00001.png", "00002.png"]
    assert read_label_map(masks[0]).max() == 1


def test_a_text_that_finds_nothing_has_no_masks(text_weights: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(text_weights, tmp_path / "strict")
    config = json.loads((folder / "config.json").read_text())
    config["score_threshold_detection"] = 1.0
    (folder / "config.json").write_text(json.dumps(config))
    tracker = load_tracker("sam3_text", "sam3", net=str(folder))
    (track,) = tracker.segment(list(frames(2)), TextPrompt(("dog",)))
    assert track.masks == (None, None)
    assert track.score == 0
