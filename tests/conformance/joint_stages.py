"""Every stage of the JOINT network on small images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.image_format import CAFFE_BGR
from ltr.models.joint.filter_solver import Trace
from ltr.models.joint.joint_net import JOINTNet
from tests.conformance.report import Report

FEATURES = 1e-4
TRANSFORMER = 5e-4


@torch.no_grad()
def run(network: JOINTNet, manifest: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Compare all arrays of ``stages.npz``."""
    with np.load(folder / "stages.npz") as archive:
        golden = {name: archive[name] for name in archive.files}
    stages = _Stages(network, golden, manifest["stages"].get("mean_std_abssum", {}), report)
    stages.features()
    stages.labels()
    stages.optimiser()
    stages.segmentation()
    stages.two_sequences()
    for name in sorted(set(golden) - stages.seen):
        report.fail("stages", f"unknown array {name!r}")


class _Stages:
    """The stages in order; each uses the results of the ones before."""

    def __init__(
        self,
        network: JOINTNet,
        golden: dict[str, np.ndarray],
        statistics: Mapping[str, list[float]],
        report: Report,
    ) -> None:
        self.network = network
        self.golden = golden
        self.statistics = statistics
        self.report = report
        self.seen = {"rgb_u8", "masks_u8", "init_filter_index", "temporal_weights"}

    def check(
        self, name: str, full: torch.Tensor, stored: torch.Tensor, limit: float = FEATURES
    ) -> None:
        """Compare the stored sub-sample, and the moments of the whole tensor where they exist."""
        if name in self.golden:
            self.seen.add(name)
            self.report.close("stages", name, stored, self.golden[name], relative=limit)
        if name in self.statistics:
            mean, std, total = self.statistics[name]
            found = full.double()
            scale = 1e-4 * std
            self.report.close("stages", f"{name}.mean", found.mean(), mean, absolute=scale)
            self.report.close("stages", f"{name}.std", found.std(), std, relative=1e-4)
            self.report.close("stages", f"{name}.abssum", found.abs().sum(), total, relative=1e-4)

    def features(self) -> None:
        """Backbone and both projections."""
        images = torch.from_numpy(self.golden["rgb_u8"]).float()
        inputs = CAFFE_BGR.normalise(images)
        self.check("net_input_strided", inputs, inputs[:, :, ::8, ::8])
        self.layers = self.network.extract_backbone_features(inputs)
        for name, value in self.layers.items():
            self.check(f"backbone_{name}", value, value[:, ::16, ::2, ::2])
        self.layer3 = self.layers["layer3"]
        adjusted = self.network.transformer.feature_adjustor(self.layer3)
        self.check("tf_adjusted", adjusted, adjusted[:, ::16])
        self.tm = self.network.extract_target_model_features(self.layers)
        self.check("tm_feat", self.tm, self.tm[:, ::16])

    def labels(self) -> None:
        """Label encodings of the masks."""
        self.masks = torch.from_numpy(self.golden["masks_u8"]).float()
        self.e_tm, self.e_tr, self.weights = self.network.label_encoder(self.masks[:, None])
        self.check("label_tm", self.e_tm, self.e_tm)
        self.check("label_tr", self.e_tr, self.e_tr)
        self.check("sample_w", self.weights, self.weights)

    def optimiser(self) -> None:
        """First-frame optimisation, then an update on all masked frames."""
        first, golden = Trace(), self.golden
        iterations = len(golden["init_losses"]) - 1
        filters = self.network.target_model.get_filter(
            self.tm[:1, None], self.e_tm[:1], self.weights[:1], iterations, first
        )
        stored = [first.filters[index][0, :, ::32] for index in golden["init_filter_index"]]
        self.check("init_losses", *_twice(torch.stack(first.losses)))
        self.check("init_alphas", *_twice(torch.cat(first.step_lengths)))
        self.check("init_filters", filters, torch.stack(stored))
        self.check("init_filter_final", filters, filters)

        update = Trace()
        frames = len(self.masks)
        temporal = torch.from_numpy(golden["temporal_weights"]).float().view(-1, 1, 1, 1, 1)
        self.filters = self.network.target_model.filter_optimizer(
            filters,
            self.tm[:frames, None],
            self.e_tm,
            self.weights * temporal,
            len(golden["update_losses"]) - 1,
            update,
        )
        stored = [iterate[0, :, ::32] for iterate in update.filters]
        self.check("update_losses", *_twice(torch.stack(update.losses)))
        self.check("update_filters", self.filters, torch.stack(stored))
        self.check("update_filter_final", self.filters, self.filters)

    def segmentation(self) -> None:
        """Both encodings of the unmasked frame, and the decoder."""
        frames, transformer = len(self.masks), self.network.transformer
        query = self.layer3[frames : frames + 1, None]
        memory = self.layer3[:frames, None]
        enc_tm = self.network.target_model.apply_target_model(
            self.filters, self.tm[frames : frames + 1, None]
        )
        self.check("enc_tm", *_twice(enc_tm))
        encoded = transformer.encoder(transformer.tokens(memory))
        encoded = encoded.transpose(2, 3).unflatten(3, memory.shape[-2:])
        self.check("tf_memory_encoded", encoded, encoded[:, :, ::16], TRANSFORMER)
        enc_tr = transformer(query, memory, self.e_tr)
        self.check("enc_tr", *_twice(enc_tr), TRANSFORMER)
        layers = {name: value[frames : frames + 1] for name, value in self.layers.items()}
        levels: dict[str, torch.Tensor] = {}
        scores = self.network.decoder(
            (enc_tm + enc_tr)[0], layers, self.masks.shape[-2:], levels=levels
        )
        for name, value in levels.items():
            self.check(f"dec_{name}", value, value[:, ::8], TRANSFORMER)
        self.check("scores", *_twice(scores), TRANSFORMER)

    def two_sequences(self) -> None:
        """Two objects at once: images 0, 1 and images 2, 0."""
        if "two_seq_filter" not in self.golden:
            return
        masks = torch.stack([self.masks, self.masks.flip(0)], dim=1)
        order = torch.tensor([[0, 2], [1, 0]])
        e_tm, e_tr, weights = self.network.label_encoder(masks)
        trace = Trace()
        iterations = len(self.golden["two_seq_losses"]) - 1
        filters = self.network.target_model.get_filter(
            self.tm[order], e_tm, weights, iterations, trace
        )
        self.check("two_seq_losses", *_twice(torch.stack(trace.losses)))
        self.check("two_seq_filter", filters, filters[:, :, ::32])
        query = self.layer3[torch.tensor([[2, 1]])]
        enc_tr = self.network.transformer(query, self.layer3[order], e_tr)
        self.check("two_seq_enc_tr", *_twice(enc_tr), TRANSFORMER)


def _twice(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A tensor that is stored whole: full and sub-sampled form are the same."""
    return tensor, tensor
