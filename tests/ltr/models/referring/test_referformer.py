from __future__ import annotations

import copy

import pytest
import torch
from torchvision.ops import StochasticDepth

from ltr.admin.errors import ConfigError
from ltr.data.referring.batches import pad_clips
from ltr.models.referring import fusion, pixel_decoder, swin
from ltr.models.referring.backbones import build_backbone
from ltr.models.referring.fused import prepare_for_cpu
from ltr.models.referring.outputs import best_queries
from ltr.models.referring.referformer import referformer
from tests.small_referring import SIZES, small_network, small_sentences


def clip(frames=3, height=64, width=96, seed=0):
    return torch.randn(frames, 3, height, width, generator=torch.Generator().manual_seed(seed))


def assert_close(found, wanted, relative=1e-5):
    for name, one, other in zip(found._fields[:4], found[:4], wanted[:4], strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= relative * other.abs().max(), name


@pytest.mark.parametrize("backbone", ["resnet18", "video_swin_t_p4w7"])
@pytest.mark.parametrize("is_padded", [False, True])
def test_chunks_change_the_memory_and_not_the_result(backbone, is_padded, monkeypatch):
    network = small_network(backbone=backbone, backbone_width=32)
    clips = [clip(5), clip(5, 50, 70, 1)] if is_padded else [clip(5)]
    batch, sentences = pad_clips(clips, 32), small_sentences(len(clips))
    previous = pad_clips([clip(5, 48, 64, seed) for seed, _ in enumerate(clips)])
    whole = network(batch, sentences, previous)
    network.chunk_frames = 2
    monkeypatch.setattr(fusion, "TOKENS_AT_ONCE", 100)
    monkeypatch.setattr(swin, "_TOKENS_AT_ONCE", 300)
    monkeypatch.setattr(pixel_decoder, "_FRAMES_AT_ONCE", 1)
    assert_close(network(batch, sentences, previous), whole)


def test_what_comes_out():
    network = small_network(num_classes=3)
    batch = pad_clips([clip(2), clip(2, 50, 70)], 32)
    found = network(batch, small_sentences(2), with_auxiliary=True)
    assert found.logits.shape == (2, 2, 5, 3)
    assert found.boxes.shape == (2, 2, 5, 4)
    assert found.masks.shape == (2, 2, 5, 16, 24)
    assert found.centers.shape == (2, 2, 5, 2)
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 1
    (earlier,) = found.auxiliary
    assert torch.equal(found.centers, earlier.boxes[..., :2])
    assert not network(batch, small_sentences(2)).auxiliary


def test_clips_of_a_batch_do_not_see_each_other():
    network = small_network()
    clips, sentences = [clip(2), clip(2, seed=1)], small_sentences(2)
    both = network(pad_clips(clips), sentences)
    for index, one in enumerate(clips):
        alone = type(sentences)(*(value[index : index + 1] for value in sentences))
        wanted = network(pad_clips([one]), alone)
        assert_close(type(both)(*(value[index : index + 1] for value in both[:4])), wanted)


def test_padding_words_and_pixels_do_not_matter():
    network = small_network()
    sentences, batch = small_sentences(2), pad_clips([clip(2), clip(2, 50, 70)], 32)
    found = network(batch, sentences)
    ids = torch.cat([sentences.ids, torch.ones(2, 3).long()], dim=1)
    attention = torch.cat([sentences.attention, torch.zeros(2, 3).long()], dim=1)
    assert_close(network(batch, type(sentences)(ids, attention)), found)


def test_the_tracking_image_changes_the_decoder_only():
    network = small_network()
    batch, sentences = pad_clips([clip(1)]), small_sentences()
    plain = network(batch, sentences)
    tracked = network(batch, sentences, pad_clips([clip(1, 48, 80, 1)]))
    assert not torch.allclose(plain.boxes, tracked.boxes, atol=1e-3)
    encoded = network.encode_sentences(sentences)
    features = [
        network.mask_features(network.encode(batch, encoded.words), encoded.words) for _ in range(2)
    ]
    assert torch.equal(*features)


def test_encoded_sentences_serve_many_frames():
    network, sentences = small_network(), small_sentences()
    batch = pad_clips([clip(2)])
    assert_close(network(batch, network.encode_sentences(sentences)), network(batch, sentences), 0)


@pytest.mark.parametrize("is_video", [False, True])
def test_a_wanted_frame_sees_its_neighbours_only_through_a_video_backbone(is_video):
    name = "video_swin_t_p4w7" if is_video else "resnet18"
    network = small_network(backbone=name, backbone_width=32)
    frames, sentences = clip(3), small_sentences()
    found = network(pad_clips([frames]), sentences, target_frames=[1])
    assert found.masks.shape[:2] == (1, 1)
    changed = frames.clone()
    changed[2] += 1.0
    again = network(pad_clips([changed]), sentences, target_frames=[1])
    assert torch.equal(found.masks, again.masks) != is_video
    alone = network(pad_clips([frames[1:2]]), sentences)
    assert torch.allclose(found.masks, alone.masks, rtol=1e-4, atol=1e-3) != is_video


def test_every_weight_learns_except_the_frozen_ones():
    network = referformer(**{**SIZES, "freeze_text_encoder": True, "backbone": "resnet50"})
    with torch.no_grad():  # what starts at zero hides what is before it
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    found = network(pad_clips([clip(2)]), small_sentences())
    layers = (found, *found.auxiliary)
    sum(value.square().mean() for layer in layers for value in layer[:3]).backward()
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    stem = ("backbone.0.body.conv1", "backbone.0.body.layer1")
    assert all(name.startswith(("text_encoder.", *stem)) for name in frozen)
    assert not any("bn" in name for name, _ in network.named_parameters())
    missing = [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any())
    ]
    assert not missing


def test_from_scratch_everything_is_trained():
    network = referformer(**{**SIZES, "backbone_from_scratch": True})
    assert all(p.requires_grad for p in network.parameters())
    assert any("bn1" in name for name, _ in network.named_parameters())


def test_recomputed_activations_give_the_same_gradients():
    torch.manual_seed(0)
    sizes = {**SIZES, "backbone": "swin_t_p4w7", "backbone_width": 32}
    plain, thrifty = referformer(**sizes), referformer(**sizes, gradient_checkpointing=True)
    thrifty.load_state_dict(plain.state_dict())
    gradients = []
    for network in (plain, thrifty):
        body = copy.deepcopy(network.body).train()
        for module in body.modules():
            if hasattr(module, "p"):
                module.p = 0.0  # dropped paths would differ from pass to pass
        sum(maps.square().sum() for maps in body(clip(1)[None])).backward()
        gradients.append([p.grad for p in body.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"backbone": "resnet5"}, "did you mean 'resnet50'"),
        ({"backbone": "swin_t_p4w7", "dilation": True}, "not for swin_t_p4w7"),
        ({"text_config": {"hiden_size": 3}}, "did you mean 'hidden_size'"),
        ({"hidden_dim": 48}, "hidden_dim=48 is not a multiple of 32"),
        ({"hidden_dim": 64, "num_heads": 5}, "num_heads=5"),
        ({"num_levels": 2}, "must be >= 3"),
    ],
)
def test_wrong_arguments_are_named(change, reason):
    with pytest.raises(ConfigError, match=reason):
        referformer(**{**SIZES, **change})


def test_dilation_keeps_the_resolution_of_the_third_stage():
    network = small_network(dilation=True)
    maps = network.body(clip(1)[None])
    assert [m.shape[-2:] for m in maps] == [(16, 24), (8, 12), (4, 6), (4, 6)]
    assert network(pad_clips([clip(1)]), small_sentences()).masks.isfinite().all()


@pytest.mark.parametrize("backbone", ["resnet18", "video_swin_t_p4w7"])
@pytest.mark.parametrize("target_frames", [None, [1, 2]])
def test_clips_are_seen_once_for_several_sentences(backbone, target_frames):
    network = small_network(backbone=backbone, backbone_width=32)
    batch, sentences = pad_clips([clip(3), clip(3, 50, 70)], 32), small_sentences(2)
    wanted = network(batch, sentences, target_frames=target_frames)
    seen = network.extract_features(batch)
    assert_close(network(seen, sentences, target_frames=target_frames), wanted)


def test_frames_that_are_their_own_tracking_images_are_encoded_once():
    network, batch, sentences = small_network(), pad_clips([clip(2)]), small_sentences()
    calls = []
    network.transformer.encoder.register_forward_hook(lambda *_: calls.append(1))
    copied = batch._replace(frames=batch.frames.clone())
    wanted = network(batch, sentences, copied)
    assert len(calls) == 2
    for previous in (batch, batch.to("cpu")):
        assert_close(network(batch, sentences, previous), wanted)
    assert len(calls) == 4


def test_paths_are_dropped_per_frame_in_image_swins_and_per_clip_in_video_swins():
    """Rows of the first axis draw on their own: all frames, or the clips."""
    clip = torch.rand(1, 3, 3, 32, 32)
    for name, rows in (("swin_t_p4w7", 3), ("video_swin_t_p4w7", 1)):
        body, found = build_backbone(name, width=8).train(), set()
        for module in body.modules():
            if isinstance(module, StochasticDepth):
                module.register_forward_hook(lambda _, given, __: found.add(len(given[0])))  # noqa: B023
        assert len(body(clip)[3]) == 3
        assert found == {rows}


@torch.inference_mode()
@pytest.mark.parametrize("is_padded", [False, True])
def test_the_best_query_of_each_clip_alone(is_padded):
    network = small_network(num_classes=3)
    batch = pad_clips([clip(2), clip(2, 50, 70, 1)] if is_padded else [clip(2)], 32)
    sentences = small_sentences(len(batch.sizes))
    whole, best = network(batch, sentences), network(batch, sentences, best_only=True)
    queries = best_queries(whole.logits)
    for name, one, every in zip(best._fields[:4], best[:4], whole[:4], strict=True):
        wanted = torch.stack([x[:, q] for x, q in zip(every, queries, strict=True)])
        assert torch.allclose(one[:, :, 0], wanted, atol=1e-4), name


@torch.inference_mode()
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("is_padded", [False, True])
def test_the_network_for_cpus_gives_what_the_network_gives(threads, is_padded):
    network, before = small_network(3, backbone="resnet50"), torch.get_num_threads()
    batch = pad_clips([clip(3), clip(3, 50, 70, 1)] if is_padded else [clip(3)], 32)
    sentences = small_sentences(len(batch.sizes))
    wanted = [network(batch, sentences, best_only=best) for best in (False, True)]
    prepare_for_cpu(network)
    torch.set_num_threads(threads)
    try:
        for best_only, one in zip((False, True), wanted, strict=True):
            assert_close(network(batch, sentences, best_only=best_only), one, 1e-4)
    finally:
        torch.set_num_threads(before)
