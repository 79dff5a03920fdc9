"""ATNet computes what depends on a frame alone once, and gives what the published form gives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.interactive.atnet import ATNet, Encoder, transfer_globally
from ltr.models.interactive.fused import fuse_atnet
from ltr.models.interactive.transfer import correlate, exchange
from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.fused import pack, unpack


@pytest.mark.parametrize("size", [(5, 3), (9, 16), (17, 40)])
def test_correlation_equals_the_mean_product_at_every_displacement(size):
    height, width = size
    drawn = torch.Generator().manual_seed(0)
    target, neighbour = torch.randn(2, 2, 6, height, width, generator=drawn)
    padded = F.pad(neighbour, (8,) * 4)
    expected = [
        (target * padded[..., y : y + height, x : x + width]).mean(dim=1)
        for y in range(0, 17, 2)
        for x in range(0, 17, 2)
    ]
    torch.testing.assert_close(
        correlate(target, neighbour), torch.stack(expected, dim=1), rtol=1e-6, atol=1e-6
    )

    assert torch.allclose(
        exchange(correlate(target, neighbour)), correlate(neighbour, target), atol=1e-6
    )


@torch.inference_mode()
def test_propagation_equals_the_form_that_prepares_nothing():
    torch.manual_seed(0)
    network = ATNet(4, 8).eval()
    target, neighbour = (network.encode(torch.randn(1, 3, 64, 80)) for _ in range(2))
    looks, masks = torch.randn(2, 128, 4, 5), torch.rand(2, 1, 64, 80)
    similarity = network.compare(target, neighbour)
    local = network.transfer_locally(similarity, masks)
    top = network.conv1x1(torch.cat([target.top.expand_as(looks), looks], dim=1))
    decoded = network.decoder_prop(top, (target.middle, target.fine), local)
    expected = network.decoder_prop.read(decoded)
    found = network.propagate(target, network.mix(looks), similarity, masks)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_transfer_spreads_every_pixel_over_the_frame_and_can_be_mixed_before():
    torch.manual_seed(0)
    network = ATNet(4, 8).eval()
    annotated, target = torch.randn(2, 1, 128, 4, 5)
    indicators = torch.randn(3, 128, 4, 5)
    shares = (annotated[0].flatten(1).T @ target[0].flatten(1)).softmax(dim=1)
    expected = (indicators.flatten(2) @ shares).view_as(indicators)
    found = transfer_globally(annotated, indicators, target)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    mixed = transfer_globally(annotated, network.mix(indicators), target)
    torch.testing.assert_close(mixed, network.mix(expected), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_the_fused_network_gives_what_the_network_gives():
    torch.manual_seed(0)
    network = fold_batch_norms(ATNet(4, 8).eval())
    images = torch.randn(2, 3, 64, 80).to(memory_format=torch.channels_last)
    inputs = torch.randn(2, 6, 64, 80).to(memory_format=torch.channels_last)
    masks = torch.rand(2, 1, 64, 80)

    def run():
        target, neighbour = (network.encode(image[None]) for image in images)
        logits, indicators = network.annotate(inputs)
        looks = network.mix(transfer_globally(target.top, indicators, target.top))
        similarity = network.compare(target, neighbour)
        return logits, indicators, network.propagate(target, looks, similarity, masks)

    expected = run()
    fuse_atnet(network)
    for change in (fuse_atnet, pack, unpack):
        change(network)
        for found, wanted in zip(run(), expected, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_the_norms_of_the_stem_and_of_the_pooling_are_folded_too():
    torch.manual_seed(0)
    network = ATNet(4, 8).eval()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    image = torch.randn(1, 3, 64, 80)
    expected = network.encode(image)
    folded = fold_batch_norms(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert isinstance(folded.encoder_3ch, Encoder)
    for found, wanted in zip(folded.encode(image), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
