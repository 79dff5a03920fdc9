from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import DataError
from ltr.data.frame_files import find_gap, list_folders, list_frames, natural_key
from ltr.dataset.folder import FolderVideos


def test_frames_are_listed_by_number_without_hidden_files(tmp_path):
    for name in ("10.jpg", "9.JPG", "._9.jpg", "notes.txt", "100.png"):
        (tmp_path / name).touch()
    assert list_frames(tmp_path) == ["9.JPG", "10.jpg", "100.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "holds no frames: expected"), (("1.jpg", "1.png"), "2 pictures of the frame 1")],
)
def test_unusable_folders_of_frames_are_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=message):
        list_frames(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"the folder .*absent cannot be read: No such file"):
        list_frames(tmp_path / "absent")


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_is_the_order_of_numbers(numbers):
    names = sorted((f"f{number}.jpg" for number in numbers), key=natural_key)
    assert names == [f"f{number}.jpg" for number in sorted(numbers)]


@given(st.integers(0, 50), st.integers(1, 7), st.integers(4, 30), st.data())
def test_a_frame_taken_out_of_the_middle_is_noticed(first, step, count, data):
    names = [f"{first + step * place:05d}.jpg" for place in range(count)]
    assert find_gap(names) is None
    assert (find_gap(names, step=1) is None) == (step == 1)
    lost = data.draw(st.integers(1, count - 2))
    rest = names[:lost] + names[lost + 1 :]
    assert find_gap(rest) == (names[lost - 1], names[lost + 1])


def test_names_without_numbers_have_no_gap():
    assert find_gap(["a.jpg", "c.jpg", "z.jpg"]) is None
    assert find_gap(["00003.jpg"], step=1) is None


def test_hidden_folders_and_those_of_systems_are_no_videos(tmp_path):
    for name in ("b", "a", ".dot", "._a", "__MACOSX", "@eaDir"):
        (tmp_path / "JPEGImages" / name).mkdir(parents=True)
    (tmp_path / "Annotations").mkdir()
    assert list_folders(tmp_path / "JPEGImages") == ["a", "b"]
    assert FolderVideos(tmp_path).videos == ("a", "b")
