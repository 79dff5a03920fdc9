"""Parts of small Propose-Reduce trainings."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from ltr.data.instance_pairs import PairSampler
from ltr.data.randomness import SampleKey
from ltr.dataset.instance_sets import open_pairs
from ltr.dataset.synthetic_ytvis import write_synthetic_split
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.models.propose_reduce.image_input import network_size
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn

SHAPES = CLASSES["shapes"]


def small_network(seed: int = 0, width: int = 16) -> SeqMaskRCNN:
    """A thin network for the synthetic shapes, with random weights."""
    torch.manual_seed(seed)
    return seq_mask_rcnn(len(SHAPES) + 1, "resnet18", width, 8, from_scratch=True)


def drawn_sampler(folder: Path, clips: int = 2, frames: int = 3) -> PairSampler:
    """Pairs of synthetic clips of 64 x 96 pixels."""
    write_synthetic_split(folder, "train", range(clips), SHAPES, frames, (64, 96))
    pairs = open_pairs(f"videos:{folder}/train", SHAPES)
    return PairSampler(pairs, None, partial(network_size, scale=(96, 64)))


def drawn_batch(folder: Path, size: int = 2) -> dict:
    """A collated batch of them."""
    sampler = drawn_sampler(folder)
    return sampler.collate([sampler[SampleKey(0, 1, index)] for index in range(size)])
