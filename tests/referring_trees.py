"""Tiny data sets with sentences, in the layouts of the public ones."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.data.image_io import write_image, write_label_map
from ltr.data.rle import encode
from tests.video_trees import SHAPE, label_map, textured_frame, write_video

STEMS = ("00000", "00005", "00010")
TEXTS = ("the left square", "a square on the left", "the right square", "a square that moves")


def squares(shift: int = 0) -> dict[str, Mapping[int, tuple[int, int]]]:
    """Two squares in every frame: the first moves right, the second stays on the right."""
    return {stem: {1: (4 + 3 * place + shift, 6), 2: (44, 24)} for place, stem in enumerate(STEMS)}


def write_refytvos(root: Path, split: str = "train", videos: Sequence[str] = ("a", "b")) -> Path:
    """Write Ref-YouTube-VOS; only the split ``train`` has annotations and object ids."""
    is_public = split == "train"
    for number, video in enumerate(videos):
        masks = root / (split if is_public else "truth") / "Annotations" / video
        write_video(root / split / "JPEGImages" / video, masks, squares(number))
    entries = {video: _entry(TEXTS, is_public) for video in videos}
    write_list(root, split, entries)
    objects = {
        str(key): {"category": name, "frames": list(STEMS)}
        for key, name in ((1, "cat"), (2, "zebra"))
    }
    meta = {"videos": {video: {"objects": objects} for video in videos}}
    (root / split / "meta.json").write_text(json.dumps(meta))
    return root


def write_list(root: Path, split: str, entries: Mapping[str, Any]) -> None:
    """Write ``meta_expressions.json``."""
    folder = root / "meta_expressions" / split
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta_expressions.json").write_text(json.dumps({"videos": entries}))


def _entry(texts: Sequence[str], is_public: bool) -> dict[str, Any]:
    expressions = {}
    for number, text in enumerate(texts):
        expressions[str(number)] = {"exp": text}
        if is_public:
            expressions[str(number)]["obj_id"] = str(1 + number // 2)
    return {"expressions": expressions, "frames": list(STEMS)}


def write_refdavis(root: Path, davis: Path, video: str = "dog") -> None:
    """Write Ref-DAVIS with one video of two objects, and DAVIS itself for the scores."""
    texts = [f"{text} {number}" for text in TEXTS[:2] for number in range(4)]
    expressions = {
        str(number): {"exp": text, "obj_id": str(1 + number // 4)}
        for number, text in enumerate(texts)
    }
    write_list(root, "valid", {video: {"expressions": expressions, "frames": list(STEMS)}})
    for kind in ("Annotations", "Annotations_unsupervised"):
        write_video(davis / "JPEGImages/480p" / video, davis / kind / "480p" / video, squares())
    (davis / "ImageSets/2017").mkdir(parents=True, exist_ok=True)
    (davis / "ImageSets/2017/val.txt").write_text(video)
    write_video(root / "valid/JPEGImages" / video, root / "valid/Annotations" / video, squares())


def write_refcoco(coco: Path, name: str = "refcoco", split: str = "train") -> None:
    """Write COCO's images and a converted list of two sentences."""
    mask = label_map({1: (10, 8)})
    write_image(coco / "train2014/one.jpg", textured_frame(0))
    images = [
        {"file_name": "one.jpg", "height": SHAPE[0], "width": SHAPE[1], "original_id": 7,
         "id": number, "caption": text, "dataset_name": name}
        for number, text in enumerate(("The LEFT  square", "square"))
    ]  # fmt: skip
    annotations = [
        {"id": number, "image_id": number, "segmentation": encode(mask), "area": 64,
         "iscrowd": 0, "bbox": [10, 8, 8, 8], "category_id": 1, "original_id": 3}
        for number in range(2)
    ]  # fmt: skip
    (coco / name).mkdir(parents=True, exist_ok=True)
    content = {"images": images, "annotations": annotations, "categories": []}
    (coco / name / f"instances_{name}_{split}.json").write_text(json.dumps(content))


def write_refcoco_source(source: Path, content: object | None = None) -> None:
    """Write what the authors of RefCOCO hand out."""
    refs = [
        {"ref_id": 0, "ann_id": 3, "image_id": 7, "split": split, "category_id": 1,
         "file_name": "one_3.jpg", "sent_ids": [0, 1],
         "sentences": [{"raw": "One!", "sent": f"{split} one"}, {"raw": "Two", "sent": "two"}]}
        for split in ("train", "val", "testA", "testAB")
    ]  # fmt: skip
    (source / "refcoco").mkdir(parents=True)
    (source / "refcoco/refs(unc).p").write_bytes(
        pickle.dumps(refs if content is None else content, protocol=2)
    )
    instances = {
        "info": {"year": 2014},
        "licenses": [],
        "images": [{"id": 7, "file_name": "one.jpg", "height": 40, "width": 60, "license": 1}],
        "annotations": [
            {"id": 3, "image_id": 7, "segmentation": [[1, 1, 9, 1, 9, 9]], "area": 32.0,
             "iscrowd": 0, "bbox": [1, 1, 8, 8], "category_id": 1}
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }  # fmt: skip
    (source / "refcoco/instances.json").write_text(json.dumps(instances))


def write_mp4(path: Path, frames: int) -> None:
    """Encode moving textured frames."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = *SHAPE, "yuv420p"
        for number in range(frames):
            image = np.full((*SHAPE, 3), 20 * number, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def write_a2d(root: Path, split: str = "train") -> None:
    """Write A2D-Sentences: one video of 9 frames, instance 4 in the frames 3 and 7."""
    import h5py

    write_mp4(root / "Release/clips320H/vid.mp4", 9)
    folder = root / "text_annotations/a2d_annotation_with_instances/vid"
    folder.mkdir(parents=True, exist_ok=True)
    for frame, x in ((3, 10), (7, 30)):
        mask = label_map({1: (x, 8)}) > 0
        with h5py.File(folder / f"{frame:05d}.h5", "w") as file:
            file["instance"] = np.array([4])
            file["reMask"] = mask.T.astype(np.uint8)
    samples = [["a square", "vid", 3, 4], ["the square", "vid", 7, 4]]
    (root / f"a2d_sentences_single_frame_{split}_annotations.json").write_text(json.dumps(samples))
    truth = [
        (f"v_vid_f_{frame}_i_4", label_map({1: (x, 8)}) > 0) for frame, x in ((3, 10), (7, 30))
    ]
    write_truth(root / "a2d_sentences_test_annotations_in_coco_format.json", truth)


def write_jhmdb(root: Path) -> None:
    """Write JHMDB-Sentences: one video of 4 frames with a sentence for the first."""
    from scipy.io import savemat

    for number in range(4):
        path = root / "Rename_Images/jump/vid" / f"{number + 1:05d}.png"
        write_image(path, textured_frame(number))
    masks = np.stack([label_map({1: (10 + n, 8)}) for n in range(4)], axis=2)
    (root / "puppet_mask/jump/vid").mkdir(parents=True)
    savemat(root / "puppet_mask/jump/vid/puppet_mask.mat", {"part_mask": masks})
    prefix = "data/jhmdb_sentences"
    sample = [
        "vid", f"{prefix}/Rename_Images/jump/vid/00001.png",
        f"{prefix}/puppet_mask/jump/vid/puppet_mask.mat", 4, "a square",
    ]  # fmt: skip
    (root / "jhmdb_sentences_samples_metadata.json").write_text(json.dumps([sample]))
    truth = [("v_vid_f_1", label_map({1: (10, 8)}) > 0)]
    write_truth(root / "jhmdb_sentences_gt_annotations_in_coco_format.json", truth)


def write_truth(file: Path, masks: Sequence[tuple[str, np.ndarray]]) -> None:
    """Write ground truth in COCO's form."""
    images = [{"id": key, "height": SHAPE[0], "width": SHAPE[1]} for key, _ in masks]
    annotations = [
        {"id": number, "image_id": key, "segmentation": encode(mask), "area": int(mask.sum()),
         "iscrowd": 0, "category_id": 1}
        for number, (key, mask) in enumerate(masks, 1)
    ]  # fmt: skip
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))


def write_davis_source(source: Path) -> None:
    """Write what Ref-DAVIS is made of; file names are misspelt as the authors' are."""
    for split, video in (("train", "classic-car"), ("val", "dog")):
        davis = source / "DAVIS"
        masks = davis / "Annotations_unsupervised/480p" / video
        write_video(davis / "JPEGImages/480p" / video, masks, squares())
        (davis / "ImageSets/2017").mkdir(parents=True, exist_ok=True)
        (davis / f"ImageSets/2017/{split}.txt").write_text(f"{video}\n")
    names = {"1": "car", "2": "person"}
    semantics = dict.fromkeys(("classic-car", "dog"), names)
    (source / "davis_semantics.json").write_text(json.dumps(semantics))
    texts = source / "davis_text_annotations"
    texts.mkdir()
    for annotator, encoding in ((1, "utf-8"), (2, "latin-1")):
        for suffix in ("", "_full_video"):
            lines = [
                f'{video} {key} "{annotator}{suffix} façade {key}"'
                for video in ("clasic-car", "dog")
                for key in (2, 1)
            ]
            file = texts / f"Davis17_annot{annotator}{suffix}.txt"
            file.write_text("\n".join(lines), encoding=encoding)


def save_mask(path: Path, mask: np.ndarray) -> None:
    """Write a mask as 0 and 255."""
    write_label_map(path, mask.astype(np.uint8) * 255)
