"""Small promptable video models with random weights, in the form of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

SIDE = 128
SAM3_SIDE = 112
_VOCABULARY = (
    "<|startoftext|>",
    "<|endoftext|>",
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"{letter}</w>" for letter in "abcdefghijklmnopqrstuvwxyz"),
)


def write_small_sam2(folder: Path) -> Path:
    """A SAM 2 of 1.5 million weights for frames of 128x128, with its processor."""
    import transformers

    config = transformers.Sam2VideoConfig(
        vision_config=_hiera(),
        **_memory(),
        memory_attention_feed_forward_hidden_size=32,
        **_heads(),
    )
    torch.manual_seed(0)
    transformers.Sam2VideoModel(config).save_pretrained(folder)
    return _write_processor(folder)


def write_small_edgetam(folder: Path) -> Path:
    """An EdgeTAM for frames of 128x128 with the backbone of the small SAM 2."""
    import transformers

    config = transformers.EdgeTamVideoConfig(
        vision_config=_hiera(),
        **_memory(),
        memory_attention_mlp_hidden_size=32,
        memory_attention_rope_k_sizes=[4, 4],
        perceiver_resampler_num_latents=16,
        perceiver_resampler_num_latents_2d=16,
        perceiver_resampler_num_layers=1,
        **_heads(),
    )
    torch.manual_seed(0)
    transformers.EdgeTamVideoModel(config).save_pretrained(folder)
    return _write_processor(folder)


def _hiera() -> dict[str, Any]:
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 16,
        "image_size": [SIDE, SIDE],
        "blocks_per_stage": [1, 1, 2, 1],
        "embed_dim_per_stage": [16, 32, 64, 128],
        "num_attention_heads_per_stage": [1, 2, 4, 8],
        "window_size_per_stage": [8, 4, 8, 4],
        "global_attention_blocks": [3],
        "window_positional_embedding_background_size": [2, 2],
    }
    return {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": 128,
    }


def _write_processor(folder: Path) -> Path:
    import transformers

    size = {"height": SIDE, "width": SIDE}
    transformers.Sam2VideoProcessor(
        image_processor=transformers.Sam2ImageProcessor(size=size),
        video_processor=transformers.Sam2VideoVideoProcessor(size=size),
        target_size=SIDE,
    ).save_pretrained(folder)
    return folder


def write_small_sam3(folder: Path) -> Path:
    """The tracker of a SAM 3 for frames of 112x112, with its processor."""
    import transformers

    config = transformers.Sam3TrackerVideoConfig(vision_config=_sam3_vision(), **_sam3_tracker())
    torch.manual_seed(0)
    transformers.Sam3TrackerVideoModel(config).save_pretrained(folder)
    transformers.Sam3TrackerVideoProcessor(
        **_sam3_processors(), target_size=SAM3_SIDE
    ).save_pretrained(folder)
    return folder


def write_small_sam3_text(folder: Path) -> Path:
    """A SAM 3 for frames of 112x112 that takes any detection for an object, with its processor."""
    import transformers

    size = {"hidden_size": 128, "num_attention_heads": 2}
    layers = {**size, "num_layers": 1, "intermediate_size": 32}
    detector = {
        "model_type": "sam3",
        "vision_config": _sam3_vision(),
        "text_config": {
            "model_type": "clip_text_model",
            **size,
            "intermediate_size": 32,
            "projection_dim": 16,
            "num_hidden_layers": 1,
            "max_position_embeddings": 32,
            "vocab_size": len(_VOCABULARY),
        },
        "geometry_encoder_config": layers,
        "detr_encoder_config": layers,
        "detr_decoder_config": {**layers, "num_queries": 4},
        "mask_decoder_config": size,
    }
    tracker = {"model_type": "sam3_tracker_video", "vision_config": _sam3_vision()}
    config = transformers.Sam3VideoConfig(
        detector_config=detector,
        tracker_config={**tracker, **_sam3_tracker()},
        low_res_mask_size=32,
        score_threshold_detection=0.0,
        new_det_thresh=0.0,
        max_num_objects=3,
    )
    torch.manual_seed(0)
    transformers.Sam3VideoModel(config).save_pretrained(folder)
    tokenizer = transformers.CLIPTokenizer(
        vocab={word: place for place, word in enumerate(_VOCABULARY)}, merges=[]
    )
    transformers.Sam3VideoProcessor(
        **_sam3_processors(), tokenizer=tokenizer, target_size=SAM3_SIDE
    ).save_pretrained(folder)
    return folder


def _sam3_vision() -> dict[str, Any]:
    backbone = {
        "model_type": "sam3_vit_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SAM3_SIDE,
        "pretrain_image_size": SAM3_SIDE,
        "window_size": 4,
        "global_attn_indexes": [1],
    }
    return {
        "model_type": "sam3_vision_model",
        "backbone_config": backbone,
        "fpn_hidden_size": 128,
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
    }


def _sam3_tracker() -> dict[str, Any]:
    heads = _heads()
    heads["prompt_encoder_config"] |= {"image_size": SAM3_SIDE, "patch_size": 14}
    memory = {**_memory(), "image_size": SAM3_SIDE}
    return {**memory, "memory_attention_feed_forward_hidden_size": 32, **heads}


def _sam3_processors() -> dict[str, Any]:
    import transformers

    size = {"height": SAM3_SIDE, "width": SAM3_SIDE}
    mask_size = {"height": 32, "width": 32}
    return {
        "image_processor": transformers.Sam3ImageProcessor(size=size, mask_size=mask_size),
        "video_processor": transformers.Sam2VideoVideoProcessor(size=size),
    }


def _memory() -> dict[str, Any]:
    return {
        "image_size": SIDE,
        "memory_attention_hidden_size": 128,
        "memory_attention_num_layers": 1,
        "memory_attention_rope_feat_sizes": [8, 8],
        "memory_encoder_hidden_size": 128,
        "mask_downsampler_embed_dim": 128,
        "memory_fuser_embed_dim": 128,
        "memory_fuser_intermediate_dim": 32,
    }


def _heads() -> dict[str, Any]:
    return {
        "prompt_encoder_config": {
            "hidden_size": 128,
            "image_size": SIDE,
            "mask_input_channels": 8,
        },
        "mask_decoder_config": {
            "hidden_size": 128,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    }
