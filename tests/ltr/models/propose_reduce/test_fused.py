"""The fused network gives what the network gives."""

import torch

from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.fused import FusedConv2d, pack, unpack
from ltr.models.layers.residual import FusedResBlock
from ltr.models.propose_reduce.fused import FusedPropagationHead, fuse_mask_rcnn
from ltr.models.propose_reduce.propagation import PropagationHead
from ltr.models.propose_reduce.seq_mask_rcnn import seq_mask_rcnn


@torch.inference_mode()
def test_features_memory_and_masks_stay_the_same():
    torch.manual_seed(0)
    network = fold_batch_norms(seq_mask_rcnn(3, "resnet50", 16).eval())
    images = torch.randn(1, 3, 64, 96).to(memory_format=torch.channels_last)
    masks = torch.rand(2, 60, 90)

    def run():
        features = network.features(images)
        memory = network.prop_head.memorise(features.pyramid[0], masks)
        return [
            *features.pyramid,
            *memory,
            network.prop_head.segment(memory, network.query(features)),
        ]

    expected = run()
    fuse_mask_rcnn(network)
    assert isinstance(network.prop_head.RF2.ResMM, FusedResBlock)
    assert isinstance(network.backbone.body.layer4[2].last, FusedConv2d)
    for change in (fuse_mask_rcnn, pack, unpack):
        change(network)
        for found, wanted in zip(run(), expected, strict=True):
            scale = float(wanted.abs().max())
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * scale)


@torch.inference_mode()
def test_objects_of_several_frames_share_what_is_computed_of_the_frames():
    torch.manual_seed(0)
    head = PropagationHead(16, (8, 12)).eval()
    frames = [
        (torch.randn(1, 16, 8, 12), torch.randn(1, 8, 8, 12), torch.randn(1, 12, 4, 6))
        for _ in range(2)
    ]
    masks = [torch.rand(1, 32, 48), torch.rand(3, 32, 48)]
    entries = [head.memorise(frame[0], own) for frame, own in zip(frames, masks, strict=True)]
    expected = [torch.cat(parts) for parts in zip(*entries, strict=True)]
    fused = FusedPropagationHead(head)
    scenes = [fused.scene(frame[0]) for frame in frames]
    found = fused.memorise_together(scenes, [1, 3], torch.cat(masks))
    for part, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(part, wanted, rtol=0, atol=1e-5)
