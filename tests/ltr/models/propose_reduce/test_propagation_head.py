"""The propagation head: reading in parts, padding of masks, modes of the network."""

from __future__ import annotations

import torch
from torch import nn

from ltr.models.propose_reduce import propagation
from ltr.models.propose_reduce.propagation import _SHARPNESS, Memory, PropagationHead
from ltr.models.propose_reduce.seq_mask_rcnn import seq_mask_rcnn


def _head() -> PropagationHead:
    torch.manual_seed(0)
    return PropagationHead(16, (8, 12)).eval()


def test_reading_is_the_softmax_over_all_entries_and_positions():
    torch.manual_seed(0)
    memory = Memory(torch.randn(2, 4, 3, 2, 5), torch.randn(2, 16, 3, 2, 5))
    key = torch.randn(1, 4, 2, 5)
    scores = torch.einsum("mkn,kp->mnp", memory.keys.flatten(2), key[0].flatten(1)) / 4**0.5
    wanted = torch.einsum("mvn,mnp->mvp", memory.values.flatten(2), scores.softmax(dim=1))
    found = _head().read(memory, key)
    torch.testing.assert_close(found.flatten(2), wanted, rtol=1e-5, atol=1e-6)


def test_reading_in_parts_changes_nothing(monkeypatch):
    torch.manual_seed(0)
    memory = Memory(torch.randn(2, 4, 6, 4, 5), torch.randn(2, 16, 6, 4, 5))
    key = torch.randn(1, 4, 4, 5)
    with torch.inference_mode():
        whole = _head().read(memory, key)
        monkeypatch.setattr(propagation, "_MAX_SCORES", 1000)
        torch.testing.assert_close(_head().read(memory, key), whole, rtol=1e-5, atol=1e-6)


def test_what_a_mask_lacks_is_background():
    torch.manual_seed(0)
    fine, masks = torch.randn(1, 16, 8, 16), torch.rand(2, 27, 60)
    padded = nn.functional.pad(masks, (0, 4, 0, 5))
    for found, wanted in zip(
        _head().memorise(fine, masks), _head().memorise(fine, padded), strict=True
    ):
        torch.testing.assert_close(found, wanted)


def test_objects_of_several_frames_are_decoded_together():
    torch.manual_seed(0)
    head = _head()
    frames = [
        head.query(torch.randn(1, 16, 16, 32), torch.randn(1, 8, 16, 32), torch.randn(1, 12, 8, 16))
        for _ in range(2)
    ]
    reads = [torch.randn(1, 16, 4, 8), torch.randn(2, 16, 4, 8)]
    together = head.decode(torch.cat(reads), frames, [1, 2])
    assert together.shape == (3, 64, 128)
    alone = [
        head.decode(read, [frame], [len(read)]) for read, frame in zip(reads, frames, strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_batch_norms_and_the_first_stage_stay_fixed_in_training():
    network = seq_mask_rcnn(3, "resnet18", 16).train()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)
    body = network.backbone.body
    assert not any(p.requires_grad for p in (*body.conv1.parameters(), *body.layer1.parameters()))
    assert all(p.requires_grad for p in body.layer2.parameters())


def test_aligned_keys_find_the_place_that_looks_the_same():
    """Where the mask says nothing, the keys of memory and query are equal, and attend to it."""
    head = _head()
    nn.init.zeros_(head.enc_pos.weight)
    nn.init.zeros_(head.enc_pos.bias)
    fine = 5 * torch.randn(1, 16, 16, 24)
    c2, c3 = torch.randn(1, 8, 16, 24), torch.randn(1, 12, 8, 12)
    with torch.inference_mode():
        keys = head.memorise(fine, torch.rand(1, 64, 96)).keys[:, :, 0]
        assert (keys - head.query(fine, c2, c3).key).abs().max() > 0.1
        head.align_keys()
        memory, query = head.memorise(fine, torch.rand(1, 64, 96)), head.query(fine, c2, c3)
        torch.testing.assert_close(memory.keys[:, :, 0], query.key)
        torch.testing.assert_close(query.key, _SHARPNESS * keys, rtol=1e-4, atol=1e-4)
