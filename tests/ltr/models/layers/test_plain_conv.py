import pytest
import torch
from torch import nn

from ltr.models.layers.plain_conv import is_plain
from ltr.models.layers.winograd import pays_by_tiles


@pytest.mark.parametrize(
    ("options", "is_one"),
    [
        ({}, True),
        ({"padding": 4, "dilation": 4}, True),
        ({"padding": 0}, False),
        ({"padding": (2, 1), "dilation": (2, 1)}, False),
        ({"stride": 2}, False),
        ({"groups": 2}, False),
        ({"padding_mode": "reflect"}, False),
        ({"dtype": torch.bfloat16}, False),
        ({"device": "meta"}, False),
    ],
)
def test_a_plain_convolution_keeps_the_size_of_its_maps(options, is_one):
    assert is_plain(nn.Conv2d(8, 8, 3, **({"padding": 1} | options))) == is_one
    assert not is_plain(nn.Conv2d(8, 8, 1))


@pytest.mark.parametrize(
    ("shape", "outputs", "with_one", "with_two"),
    [
        ((1, 256, 30, 52), 256, True, True),
        ((1, 128, 15, 26), 128, True, False),  # threads wait for each other on small maps
        ((8, 128, 15, 26), 128, True, False),
        ((3, 256, 8, 13), 256, False, False),  # nor do more maps of few tiles help
        ((1, 256, 12, 20), 256, False, False),
        ((2, 256, 12, 20), 256, True, True),
    ],
)
def test_tiles_are_for_large_maps(threads, shape, outputs, with_one, with_two):
    conv = nn.Conv2d(shape[1], outputs, 3, padding=1)
    assert pays_by_tiles(conv, torch.empty(shape)) == (with_two if threads == 2 else with_one)
