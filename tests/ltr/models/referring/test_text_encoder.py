from __future__ import annotations

import re

import pytest
import torch

from ltr.admin.errors import CheckpointError, DataError
from ltr.models.referring.text_encoder import (
    build_text_encoder,
    load_text_weights,
    load_tokenizer,
    tokenise,
)
from tests.seeded_weights import seeded_tensor
from tests.small_referring import SENTENCES, TEXT, small_network, small_tokenizer


def test_sentences_become_padded_word_pieces(tmp_path):
    tokenizer = small_tokenizer(tmp_path)
    found = tokenise(tokenizer, [SENTENCES[0], "the red"])
    assert found.ids.shape == found.attention.shape
    assert found.ids[:, 0].tolist() == [0, 0]  # <s>
    length = int(found.attention[1].sum())
    assert found.ids[1, length - 1] == 2  # </s>
    assert found.ids[1, length:].eq(1).all()  # <pad>
    assert tokenizer.decode(found.ids[0], skip_special_tokens=True) == SENTENCES[0]


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_a_missing_vocabulary_tells_how_to_fetch_it(name, tmp_path):
    small_tokenizer(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(
        DataError, match=rf"{re.escape(name)}, is not in .*hf download roberta-base"
    ):
        load_tokenizer(tmp_path)


def test_a_damaged_vocabulary_is_named(tmp_path):
    small_tokenizer(tmp_path)
    (tmp_path / "vocab.json").write_text('{"<s>": 0, ')
    (tmp_path / "tokenizer.json").unlink(missing_ok=True)
    with pytest.raises(DataError, match="damaged"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("prefix", ["", "roberta."])
def test_weights_of_transformers_are_read(name, prefix, tmp_path):
    encoder = build_text_encoder(TEXT)
    state = {key: seeded_tensor(key, x.shape) for key, x in encoder.state_dict().items()}
    stored = {prefix + key: value for key, value in state.items()}
    stored["lm_head.bias"] = torch.zeros(3)
    stored[f"{prefix}embeddings.position_ids"] = torch.arange(40)[None]
    if name.endswith("safetensors"):
        from safetensors.torch import save_file

        save_file(stored, tmp_path / name)
    else:
        torch.save(stored, tmp_path / name)
    load_text_weights(encoder, tmp_path)
    assert all(torch.equal(encoder.state_dict()[key], value) for key, value in state.items())


def test_missing_and_damaged_weights_are_one_sentence(tmp_path):
    encoder = small_network().text_encoder
    with pytest.raises(CheckpointError, match=r"are not in .*hf download"):
        load_text_weights(encoder, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(CheckpointError, match="damaged"):
        load_text_weights(encoder, tmp_path)
