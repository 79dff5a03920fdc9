from __future__ import annotations

import pytest

from ltr.admin.missing import missing_requirements

REQUIREMENTS = [
    "numpy>=1.26",
    "a-package-that-is-nowhere>=2",
    "opencv-python-headless>=4.10",
    'pytest>=8; extra == "test"',
    'another-nowhere>=1; extra == "all"',
]


@pytest.mark.parametrize("name", ["opencv_python", "opencv_contrib_python"])
def test_any_opencv_counts(name, tmp_path, monkeypatch):
    monkeypatch.setattr("ltr.admin.opencv.DISTRIBUTIONS", (name.replace("_", "-"),))
    assert missing_requirements(REQUIREMENTS) == [
        "a-package-that-is-nowhere>=2",
        "opencv-python-headless>=4.10",
    ]
    (tmp_path / f"{name}-5.0.0.dist-info").mkdir()
    (tmp_path / f"{name}-5.0.0.dist-info/METADATA").write_text(f"Name: {name}\nVersion: 5.0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert missing_requirements(REQUIREMENTS) == ["a-package-that-is-nowhere>=2"]
