"""JOINT's training forward pass as published, computed plainly: the yardstick of
``joint_training.py``.

Every test frame projects and encodes the whole memory again, attention keeps its whole affinity,
the filter is optimised by double back-propagation, all losses on the way are evaluated, and fixed
batch norms are operations of their own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ltr.models.backbone.resnet import STAGES, ResNet
from ltr.models.joint.joint_net import JOINTNet
from ltr.models.joint.transformer import INVERSE_TEMPERATURE, CosineAttention
from ltr.models.layers.normalization import token_instance_norm

Output = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class PlainJointNet(torch.nn.Module):
    """The reference implementation of a network; it has the same parameters."""

    def __init__(self, network: JOINTNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        train_imgs: torch.Tensor,
        test_imgs: torch.Tensor,
        train_masks: torch.Tensor,
        test_masks: torch.Tensor,
        num_refinement_iter: int,
    ) -> Output:
        """See ``JOINTNet.forward``."""
        net, sequences = self.network, train_imgs.shape[1]
        train = _backbone(net.feature_extractor, train_imgs.flatten(0, 1))
        test = _backbone(net.feature_extractor, test_imgs.flatten(0, 1))
        test = {name: value.unflatten(0, (-1, sequences)) for name, value in test.items()}
        memory = [train["layer3"].unflatten(0, (-1, sequences))]
        labels = [net.label_encoder(train_masks)]
        features = net.target_model.extract_target_model_features(train["layer3"], sequences)
        filters = net.target_model.filter_initializer(features)
        filters = self._optimise(filters, features, labels, net.optim_iter)
        logits = []
        for index in range(len(test_imgs)):
            layers = {name: value[index] for name, value in test.items()}
            e_tr = torch.cat([encodings[1] for encodings in labels])
            read = self._read(layers["layer3"], torch.cat(memory), e_tr)
            frame = net.target_model.extract_target_model_features(layers["layer3"], sequences)
            fused = net.target_model.apply_target_model(filters, frame)[0] + read
            logits.append(net.decoder(fused, layers, test_imgs.shape[-2:]).transpose(0, 1))
            labels.append(net.label_encoder(torch.sigmoid(logits[-1]).detach()))
            memory.append(layers["layer3"][None])
            features = torch.cat([features, frame])
            if index < len(test_imgs) - 1:
                filters = self._optimise(filters, features, labels, num_refinement_iter)
        e_tm, e_tr = (torch.cat([encodings[i] for encodings in labels]) for i in (0, 1))
        return torch.cat(logits), e_tm, e_tr

    def _read(
        self, query: torch.Tensor, memory: torch.Tensor, encodings: torch.Tensor
    ) -> torch.Tensor:
        transformer = self.network.transformer
        tokens = transformer.tokens(memory)
        everything = tokens.transpose(0, 1).flatten(1, 2)
        attended = everything + _attend(
            transformer.encoder.self_attn, everything, everything, everything
        )
        frames = attended.unflatten(1, (len(memory), -1))
        keys = token_instance_norm(frames).flatten(1, 2)
        own = transformer.tokens(query[None])[0]
        own = token_instance_norm(own + _attend(transformer.decoder.self_attn, own, own, own))
        values = encodings.flatten(3).permute(1, 0, 3, 2).flatten(1, 2)
        read = _attend(transformer.decoder.cross_attn, own, keys, values)
        return read.transpose(1, 2).unflatten(2, encodings.shape[-2:])

    def _optimise(
        self,
        filters: torch.Tensor,
        features: torch.Tensor,
        labels: list[Output],
        iterations: int,
    ) -> torch.Tensor:
        """Steepest descent whose gradient and curvature come from automatic differentiation."""
        model = self.network.target_model
        regularisation = model.filter_optimizer.residual_module.filter_reg
        wanted = torch.cat([encodings[0] for encodings in labels])
        weights = torch.cat([encodings[2] for encodings in labels])
        losses = []
        for _ in range(iterations):
            if not filters.requires_grad:
                filters = filters.requires_grad_()
            scores = model.apply_target_model(filters, features)
            errors = [weights * (scores - wanted), regularisation * filters]
            losses.append(sum(error.square().sum() for error in errors))
            seeds = [error.detach().requires_grad_() for error in errors]
            gradient = torch.autograd.grad(errors, filters, errors, create_graph=True)[0]
            (linear,) = torch.autograd.grad(errors, filters, seeds, create_graph=True)
            image = torch.autograd.grad(linear, seeds, gradient, create_graph=True)
            energy = gradient.square().sum(dim=(1, 2, 3, 4))
            curvature = image[0].square().sum(dim=(0, 2, 3, 4))
            curvature = curvature + image[1].square().sum(dim=(1, 2, 3, 4))
            step = energy / curvature.clamp(min=1e-8)
            filters = filters - step.view(-1, 1, 1, 1, 1) * gradient
        return filters


def _backbone(backbone: ResNet, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Convolution and batch norm one after the other."""
    x = backbone.maxpool(backbone.relu(backbone.bn1(backbone.conv1(images))))
    features = {}
    for name in STAGES:
        for block in getattr(backbone, name):
            shortcut = x if block.downsample is None else block.downsample(x)
            y = block.relu(block.bn1(block.conv1(x)))
            y = block.relu(block.bn2(block.conv2(y)))
            x = block.relu(block.bn3(block.conv3(y)) + shortcut)
        features[name] = x
    return features


def _attend(
    attention: CosineAttention, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    cosines = attention.keys(queries) @ attention.keys(keys).transpose(1, 2)
    return F.softmax(INVERSE_TEMPERATURE * cosines, dim=-1) @ values
