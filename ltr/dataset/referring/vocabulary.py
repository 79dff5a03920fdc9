"""The vocabulary of a small text encoder: byte pairs of the words of synthetic sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from ltr.data.json_io import read_json, write_json

_SIZE = 400  # rows of the encoder's table
_SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def write_vocabulary(folder: Path, texts: Iterable[str]) -> None:
    """Write ``vocab.json`` and ``merges.txt`` of the byte pairs of sentences."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        texts, vocab_size=_SIZE, special_tokens=_SPECIAL, show_progress=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_model(str(folder))


def extend_vocabulary(source: Path, target: Path, words: Sequence[str]) -> None:
    """Write a vocabulary in which further words are few pieces, and the old ones keep their ids.

    Args:
        source: Folder with ``vocab.json`` and ``merges.txt`` of byte pairs.
        target: Gets both.
        words: New words; the most frequent pairs of their pieces are joined while the table has
            rows.
    """
    from tokenizers import ByteLevelBPETokenizer

    files = [str(source / name) for name in ("vocab.json", "merges.txt")]
    tokenizer = ByteLevelBPETokenizer(*files)
    ids = read_json(source / "vocab.json")
    pieces = [tokenizer.encode(f" {word}").tokens for word in words]
    merges = []
    while len(ids) < _SIZE:
        counts = Counter(pair for parts in pieces for pair in pairwise(parts))
        if not counts:
            break
        best = max(sorted(counts), key=counts.__getitem__)
        merges.append(" ".join(best))
        ids.setdefault("".join(best), len(ids))
        pieces = [_join(parts, best) for parts in pieces]
    target.mkdir(parents=True, exist_ok=True)
    write_json(target / "vocab.json", ids)
    old = (source / "merges.txt").read_text(encoding="utf-8").rstrip("\n")
    (target / "merges.txt").write_text("\n".join([old, *merges]) + "\n", encoding="utf-8")


def _join(parts: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """Join a pair of pieces wherever it occurs.

    >>> _join(["b", "a", "n", "a", "n", "a"], ("a", "n"))
    ['b', 'an', 'an', 'a']
    """
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return joined
