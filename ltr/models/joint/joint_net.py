"""JOINT (arXiv 2108.03679): the network and the functions that build it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ltr.admin.errors import ConfigError
from ltr.admin.model_constructor import model_constructor, old_arguments, takes_fields
from ltr.models.backbone.resnet import ResNet, resnet18, resnet50
from ltr.models.joint.decoder import Decoder
from ltr.models.joint.design import Design, Design18, Design50
from ltr.models.joint.label_encoder import LabelEncoder
from ltr.models.joint.target_model import TargetModel
from ltr.models.joint.transformer import Transformer

FEATURE_STRIDE = 16
_ENCODER_NAME, _DECODER_NAME = "transformer.encoder.self_attn.", "transformer.decoder.self_attn."


class JOINTNet(nn.Module):
    """Induction and transduction branch, fused by one decoder.

    Args:
        feature_extractor: Backbone with stages ``layer1`` .. ``layer4``.
        transformer: Transduction branch.
        target_model: Induction branch.
        decoder: Segmentation decoder.
        label_encoder: Mask encoder of both branches.
        optim_iter: Filter iterations on the first frame during training.
        feature_layer: Backbone layer (stride 16) that both branches read.
    """

    def __init__(
        self,
        feature_extractor: ResNet,
        transformer: Transformer,
        target_model: TargetModel,
        decoder: Decoder,
        label_encoder: LabelEncoder,
        optim_iter: int,
        feature_layer: str = "layer3",
    ) -> None:
        super().__init__()
        self.feature_extractor = feature_extractor
        self.transformer = transformer
        self.target_model = target_model
        self.decoder = decoder
        self.label_encoder = label_encoder
        self.optim_iter = optim_iter
        self.feature_layer = feature_layer

    @staticmethod
    def adapt_state_dict(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Make both names of the shared self-attention agree, in a state dict to be loaded.

        Encoder and decoder share one module. Where a file holds both names the decoder's values
        count (upstream loads them last); where it holds one, the other name is filled in.
        """
        adapted = dict(state)
        for source, target in ((_DECODER_NAME, _ENCODER_NAME), (_ENCODER_NAME, _DECODER_NAME)):
            for key in [key for key in adapted if key.startswith(source)]:
                adapted[target + key.removeprefix(source)] = adapted[key]
        return adapted

    def extract_backbone_features(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Images (N, 3, H, W), normalised -> ``layer1`` .. ``layer4``."""
        return self.feature_extractor(images)

    def get_backbone_target_model_features(
        self, features: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """The layer that both branches read, (N, C, H / 16, W / 16)."""
        return features[self.feature_layer]

    def extract_target_model_features(self, features: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Backbone features -> features of the induction branch, (N, out_dim, H / 16, W / 16)."""
        return self.target_model.extract_target_model_features(features[self.feature_layer])

    def segment_target(
        self,
        filters: torch.Tensor,
        features_tm: torch.Tensor,
        backbone_features: Mapping[str, torch.Tensor],
        encoding_tr: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Segment one frame.

        Args:
            filters: (objects, 16, C, k, k).
            features_tm: (1, objects, C, H, W).
            backbone_features: Layers of (objects, ...).
            encoding_tr: (1, objects, 16, H, W).

        Returns:
            Foreground logits (objects, 1, 16 * H, 16 * W), and E_tm (1, objects, 16, H, W).
        """
        encoding_tm = self.target_model.apply_target_model(filters, features_tm)
        size = [FEATURE_STRIDE * side for side in features_tm.shape[-2:]]
        fused = (encoding_tm + encoding_tr).flatten(0, 1)
        return self.decoder(fused, backbone_features, size), encoding_tm

    def forward(
        self,
        train_imgs: torch.Tensor,
        test_imgs: torch.Tensor,
        train_masks: torch.Tensor,
        test_masks: torch.Tensor | None = None,
        num_refinement_iter: int = 2,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Segment test frames one after the other, each prediction becoming memory.

        Args:
            train_imgs: Annotated frame, (1, sequences, 3, H, W), normalised.
            test_imgs: (frames, sequences, 3, H, W), in order of time.
            train_masks: (1, sequences, H, W) in 0..1.
            test_masks: Not used; part of the signature that the actor calls.
            num_refinement_iter: Filter iterations after each test frame but the last.

        Returns:
            Logits (frames, sequences, H, W); the encodings e_tm and e_tr of all frames, the
            annotated one first, (1 + frames, sequences, 16, H / 16, W / 16).
        """
        num_train, sequences = train_imgs.shape[:2]
        images = torch.cat([train_imgs, test_imgs])
        features = self.extract_backbone_features(images.flatten(0, 1))
        frames_tm = self.target_model.extract_target_model_features(
            features[self.feature_layer], sequences
        )
        layers = {name: value.unflatten(0, (-1, sequences)) for name, value in features.items()}
        frames_tr = self.transformer.tokens(layers[self.feature_layer])

        labels = [self.label_encoder(train_masks)]
        filters = self.target_model.get_filter(
            frames_tm[:num_train], labels[0][0], labels[0][2], self.optim_iter
        )
        logits = []
        for index in range(num_train, len(images)):
            e_tm, e_tr, weights = (torch.cat(parts) for parts in zip(*labels, strict=True))
            frame = slice(index, index + 1)
            encoding_tr = self.transformer.read(frames_tr[frame], frames_tr[:index], e_tr)
            encoding_tm = self.target_model.apply_target_model(filters, frames_tm[frame])
            fused = (encoding_tm + encoding_tr).squeeze(0)
            scores = self.decoder(
                fused, {name: value[index] for name, value in layers.items()}, images.shape[-2:]
            )
            logits.append(scores.transpose(0, 1))
            labels.append(self.label_encoder(torch.sigmoid(logits[-1]).detach()))
            if index < len(images) - 1 and num_refinement_iter > 0:
                e_tm, _, weights = (torch.cat(parts) for parts in zip(*labels, strict=True))
                filters = self.target_model.filter_optimizer(
                    filters, frames_tm[: index + 1], e_tm, weights, num_refinement_iter
                )
        e_tm, e_tr, _ = (torch.cat(parts) for parts in zip(*labels, strict=True))
        return torch.cat(logits), e_tm, e_tr


def _build(backbone: ResNet, design: Design) -> JOINTNet:
    layer = "layer3"
    channels = backbone.channels[layer]
    widths = {"layer4": 4, "layer3": 2, "layer2": 2, "layer1": 1}
    return JOINTNet(
        feature_extractor=backbone,
        transformer=Transformer(channels, design.transformer_dim, design.key_dim),
        target_model=TargetModel(
            channels,
            design.out_feature_dim,
            design.num_filters,
            design.filter_size,
            design.optim_init_reg,
        ),
        decoder=Decoder(
            design.num_filters,
            {name: backbone.channels[name] for name in widths},
            {name: factor * design.decoder_mdim for name, factor in widths.items()},
        ),
        label_encoder=LabelEncoder((*design.label_encoder_dims, design.num_filters)),
        optim_iter=design.optim_iter,
        feature_layer=layer,
    )


# Arguments of upstream's constructor that have the same value in every published JOINT network.
# A checkpoint that asks for another value is refused instead of built wrongly.
_FIXED_OPTIONS = {
    "clf_feat_blocks": 0,
    "clf_feat_norm": True,
    "final_conv": True,
    "target_model_input_layer": "layer3",
    "decoder_input_layers": ("layer4", "layer3", "layer2", "layer1"),
    "detach_length": float("inf"),
    "filter_groups": 1,
    "use_bn_in_label_enc": False,
    "dilation_factors": None,
}


@model_constructor
@old_arguments(fixed=_FIXED_OPTIONS)
@takes_fields(Design50)
def steepest_descent_resnet50(design: Design50) -> JOINTNet:
    """Build JOINT on ResNet-50, the network of the released checkpoints.

    It is called with the fields of ``Design50``.

    Raises:
        ConfigError: An unknown backbone type.
    """
    if design.backbone_type not in ("mrcnn", "imagenet"):
        raise ConfigError(f"backbone_type is 'mrcnn' or 'imagenet', not {design.backbone_type!r}")
    is_caffe = design.backbone_type == "mrcnn"
    return _build(resnet50(is_caffe, design.backbone_width, design.frozen_backbone_layers), design)


@model_constructor
@takes_fields(Design18)
def steepest_descent_resnet18(design: Design18) -> JOINTNet:
    """Build the small JOINT on ResNet-18; called with the fields of ``Design18``."""
    return _build(resnet18(design.backbone_width, design.frozen_backbone_layers), design)
