"""Names of tensors in released files that differ from a network's own."""

from __future__ import annotations

from collections.abc import Mapping

import torch

_PROFILER = ("total_params", "total_ops")
_COMPUTED = ("relative_position_index", "attn_mask")
_POSITION_IDS = "text_encoder.embeddings.position_ids"
_HEADS, _HEADS_ALIAS = "bbox_embed.", "transformer.decoder.bbox_embed."


def adapt_names(
    state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Bring the state dict of a file to a network's keys, in four exceptions (spec 13).

    Counters of a profiler and the text encoder's position ids are dropped; tables that follow from
    a window's size are computed and not read; one of the two names of the box heads may be absent.

    Args:
        state: State dict of the file.
        expected: State dict of the network.
    """
    dropped = (*_PROFILER, *_COMPUTED)
    adapted = {
        key: value
        for key, value in state.items()
        if not key.endswith(dropped) and key != _POSITION_IDS
    }
    for key, value in expected.items():
        if key.endswith(_COMPUTED):
            adapted[key] = value
        if key.startswith(_HEADS_ALIAS):
            name = _HEADS + key.removeprefix(_HEADS_ALIAS)
            found = adapted.get(name, adapted.get(key))
            if found is not None:
                adapted[key] = adapted[name] = found
    return adapted
