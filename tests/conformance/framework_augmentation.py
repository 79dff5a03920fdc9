"""Reference cases of the transforms and of the whole processing of a training sample."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ltr.data.bounding_boxes import BoxJitter, box_of_mask
from ltr.data.image_format import CAFFE_BGR, IMAGENET_RGB
from ltr.data.processing import SegProcessing
from ltr.data.randomness import Generators
from ltr.data.transforms import (
    AffineRoll,
    Compose,
    Frame,
    RandomAffine,
    RandomFlip,
    RandomGrey,
    SwapRedBlue,
    ToTensor,
)
from tests.conformance.report import Report

_OPENCV = cv2.__version__.partition(".")[0]


def load_of_this_opencv(folder: Path, name: str) -> tuple[Any, bool]:
    """Arrays of a case, and whether they were made with the installed OpenCV's major version."""
    other = folder / f"{name}_opencv4.npz"
    if _OPENCV == "4" and other.exists():
        return np.load(other), True
    return np.load(folder / f"{name}.npz"), _OPENCV == "5"


def transforms(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Every transform with fixed parameters."""
    arrays, is_same_opencv = load_of_this_opencv(folder, "transforms")
    for index, case in enumerate(entry["affine"]):
        _affine(index, case, arrays, is_same_opencv, report)
    image = arrays["image"]
    size = image.shape[1::-1]
    swapped = SwapRedBlue().image(image, None)
    flipped = RandomFlip().image(swapped, True)
    box = RandomFlip().box(np.float32(entry["flip_bbox_in"]), size, True)
    report.equal("transforms", "flip_img", flipped[::4, ::4], arrays["flip_img"])
    report.close("transforms", "flip_bbox", box, np.array(entry["flip_bbox_out"]), absolute=1e-4)
    grey = RandomGrey().image(swapped, True)
    report.equal("transforms", "gray_after_bgr", grey[::4, ::4], arrays["gray_after_bgr"])
    factor = entry["brightness_factor"]
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    tensors = {
        "jit_norm": ToTensor(mean=CAFFE_BGR.mean).image(swapped, factor),
        "jit_norm01": ToTensor(scale=255.0).image(swapped, factor),
        "eval_norm": CAFFE_BGR.normalise(pixels)[0],
        "eval_norm_rgb": IMAGENET_RGB.normalise(pixels)[0],
    }
    for name, tensor in tensors.items():
        report.close("transforms", name, tensor[:, ::5, ::5], arrays[name], absolute=1e-4)


def _affine(
    index: int, case: Mapping[str, Any], arrays: Any, is_same_opencv: bool, report: Report
) -> None:
    name = f"transforms affine {index}"
    step, image, mask = RandomAffine(), arrays["image"], arrays["mask"]
    roll = AffineRoll(
        case["do_flip"], case["theta_deg"], tuple(case["shear"]), tuple(case["scale"])
    )
    size = image.shape[1::-1]
    matrix = step.matrix(size, roll)
    report.close(name, "matrix", matrix, np.array(case["matrix"]), absolute=1e-9)
    box = step.box(np.float32(case["bbox_in"]), size, roll)
    report.close(name, "bbox", box, np.array(case["bbox_out"]), absolute=1e-4)
    warped = step.image(image, roll)[::4, ::4].astype(int)
    bits = np.packbits(step.mask(mask, roll).astype(np.uint8))
    compare_pixels(name, "image", warped, arrays[f"aff_img_{index}"], is_same_opencv, report)
    compare_bits(name, "mask", bits, arrays[f"aff_mask_{index}"], is_same_opencv, report)


def compare_pixels(
    case: str, output: str, got: Any, want: Any, is_same_opencv: bool, report: Report
) -> None:
    """One grey level; with another OpenCV up to four in 12 % of the pixels."""
    want = np.asarray(want, dtype=np.float64)
    if is_same_opencv:
        report.close(case, output, got, want, absolute=1 + 1e-3)
    else:
        report.share(case, output, got, want, least=0.88, within=1 + 1e-3)
        report.close(case, f"{output} (other OpenCV)", got, want, absolute=4 + 1e-3)


def compare_bits(
    case: str, output: str, got: Any, want: Any, is_same_opencv: bool, report: Report
) -> None:
    """Exact; with another OpenCV at least 99.8 % of the bits."""
    got, want = np.unpackbits(got), np.unpackbits(want)
    report.share(case, output, got, want, least=1.0 if is_same_opencv else 0.998, within=0)


def processing(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Whole samples with seeded generators."""
    arrays, is_same_opencv = load_of_this_opencv(folder, "processing")
    images = arrays["frames"]
    masks = np.unpackbits(arrays["masks"], axis=-1)[..., : images.shape[2]].astype(np.float32)
    frames = [
        Frame(image, mask, box_of_mask(mask)) for image, mask in zip(images, masks, strict=True)
    ]
    for case in entry["cases"]:
        name = f"processing {case['case']}"
        shapes = case["shapes"]
        num_train, _, height, width = shapes["train_images"]
        process = _stage1_processing((width, height), case["validation"])
        random = Generators.seeded(case["seed"])
        sample = process(frames[:num_train], frames[num_train:], random)
        for key, shape in shapes.items():
            report.equal(name, f"{key} shape", list(sample[key].shape), shape)
        _compare_sample(name, case["case"], sample, arrays, is_same_opencv, report)


def _compare_sample(
    name: str,
    index: int,
    sample: Mapping[str, torch.Tensor],
    arrays: Any,
    is_same_opencv: bool,
    report: Report,
) -> None:
    for group in ("train", "test"):
        images = sample[f"{group}_images"][..., ::5, ::5]
        key = f"{group}_images_{index}"
        compare_pixels(name, f"{group}_images", images, arrays[key], is_same_opencv, report)
        bits = np.packbits(sample[f"{group}_masks"].numpy().astype(np.uint8), axis=-1)
        key = f"{group}_masks_{index}"
        compare_bits(name, f"{group}_masks", bits, arrays[key], is_same_opencv, report)
        box = arrays[f"{group}_anno_{index}"]
        report.close(name, f"{group}_anno", sample[f"{group}_anno"], box, absolute=1e-3)


def _stage1_processing(output_size: tuple[int, int], is_validation: bool) -> SegProcessing:
    affine = RandomAffine(max_rotation=15, max_scale=0.2)
    return SegProcessing(
        output_size=output_size,
        search_area_factor=5.0,
        train_jitter=BoxJitter(0.25, 3.0),
        test_jitter=BoxJitter(0.5, (5.5, 4.5)),
        joint_transform=Compose(SwapRedBlue(), RandomGrey(0.05), RandomFlip(0.5)),
        to_tensor=ToTensor(0.0 if is_validation else 0.2, mean=CAFFE_BGR.mean),
        frame_transform=Compose() if is_validation else Compose(affine),
    )
