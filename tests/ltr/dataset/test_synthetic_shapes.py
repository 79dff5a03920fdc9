import numpy as np
import pytest

from ltr.data.rle import decode
from ltr.dataset.synthetic_shapes import COLOURS, SHAPES, place_of, render_clip
from ltr.dataset.synthetic_ytvis import main, write_synthetic_split
from ltr.dataset.youtubevis_file import find_split, read_vis_file

SEEDS = range(40)


def test_a_clip_is_a_function_of_its_seed():
    first, second, other = render_clip(3), render_clip(3), render_clip(4)
    assert np.array_equal(first.images, second.images)
    assert first.objects == second.objects
    assert not np.array_equal(first.images[0], other.images[0])


def test_only_the_given_shapes_and_colours_occur():
    clip = render_clip(3, 1, (64, 96), 3, 3, ("star", "disc"), ("red", "white"))
    looks = {(item.shape, item.colour) for item in clip.objects}
    assert len(looks) == 3
    assert {shape for shape, _ in looks} == {"star", "disc"}
    assert {colour for _, colour in looks} == {"red", "white"}


def centre(labels: np.ndarray, number: int) -> np.ndarray:
    rows, columns = np.nonzero(labels == number)
    return np.array([columns.mean(), rows.mean()])


def test_objects_go_where_their_motion_says():
    steps = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}
    seen = set()
    for seed in SEEDS:
        clip = render_clip(seed, max_objects=1)
        motion = clip.objects[0].motion
        moved = centre(clip.labels[-1], 1) - centre(clip.labels[0], 1)
        assert np.abs(moved - np.array(steps[motion]) * np.abs(moved)).max() < 6
        if motion != "still":
            assert np.abs(moved).max() > 0.2 * 96
        seen.add(motion)
    assert seen == set(steps)


def test_objects_have_the_place_and_the_colour_of_their_record():
    for seed in SEEDS:
        clip = render_clip(seed, max_objects=1)
        known = clip.objects[0]
        pixels = clip.images[0][clip.labels[0] == 1].astype(float).mean(axis=0)
        distance = {name: np.abs(pixels - colour).sum() for name, colour in COLOURS.items()}
        assert min(distance, key=distance.get) == known.colour
        x, y = centre(clip.labels[0], 1) / (160, 96)
        near = {place_of(x + dx, y + dy) for dx in (-0.06, 0, 0.06) for dy in (-0.06, 0, 0.06)}
        assert known.place in near


def test_a_higher_number_is_in_front_and_looks_are_unique():
    covered = 0
    for seed in SEEDS:
        clip = render_clip(seed, min_objects=3)
        looks = [(known.shape, known.colour) for known in clip.objects]
        assert len(set(looks)) == len(looks) == 3
        covered += sum((labels == 1).sum() < 30 for labels in clip.labels)
        assert max(labels.max() for labels in clip.labels) == 3
    assert covered > 0  # the object at the back is hidden now and then


def test_the_written_file_has_the_objects_of_the_clips(tmp_path):
    write_synthetic_split(tmp_path, "valid", [5, 6], frames=3)
    found = read_vis_file(find_split(tmp_path, "valid").file)
    assert tuple(found.categories.values()) == SHAPES
    for video, seed in zip(found.videos, (5, 6), strict=True):
        clip = render_clip(seed, 3)
        tracks = found.tracks[video.number]
        assert [found.categories[t.category] for t in tracks] == [o.shape for o in clip.objects]
        for number, track in enumerate(tracks, 1):
            for labels, mask, box in zip(clip.labels, track.masks, track.boxes, strict=True):
                truth = labels == number
                assert (mask is None) == (not truth.any())
                if mask is not None:
                    assert np.array_equal(decode(mask), truth)
                    x, y, width, height = map(int, box)
                    assert truth[y : y + height, x : x + width].sum() == truth.sum()
        assert len(list((tmp_path / "valid/JPEGImages" / video.name).iterdir())) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--shapes", "disc,trangle"], "did you mean 'triangle'?"),
        (["--train", "0"], "must be positive"),
    ],
)
def test_wrong_arguments_are_one_sentence(tmp_path, capsys, words, sentence):
    assert main([str(tmp_path / "new"), *words]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_folder_in_use_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert main([str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err
