"""Segments what sentences name in a clip (ReferFormer, and TF² which tracks from a key frame)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.referring.batches import ClipBatch, SentenceBatch, pad_clips
from ltr.data.referring.clip import fit_size
from ltr.data.rle import Rle, encode
from ltr.models.referring.criterion import MASK_STRIDE
from ltr.models.referring.deformable_attention import use_kernel
from ltr.models.referring.outputs import ClipFeatures, EncodedSentences, Predictions
from ltr.models.referring.referformer import ReferFormer
from pytracking.tracker.base import Runtime
from pytracking.tracker.referring.given_files import (
    KeyFrames,
    read_first_masks,
    read_key_frames,
)
from pytracking.tracker.referring.images import network_input
from pytracking.tracker.referring.parameters import ReferringParameters
from pytracking.tracker.referring.passes import TrackState, as_clip, first_pass, track_outward
from pytracking.tracker.referring.prompts import ReferredTrack, TargetPrompt, VideoPrompt
from pytracking.tracker.referring.rules import choose_key_frame, key_frame_terms
from pytracking.tracker.referring.sentence_masks import sentence_masks
from pytracking.tracker.whole_video import (
    Advance,
    Frames,
    TextPrompt,
    WholeVideoTracker,
    ignore_progress,
)

_MULTIPLE = 32  # of the padded input of single frames, as upstream's loader has it
_MIB = 1 << 20


class ReferringTracker(WholeVideoTracker):
    """Finds one object for each sentence.

    Args:
        params: Configuration.
        network: Network in eval mode on the runtime's device.
        read_text: Sentences to word pieces.
        runtime: Device and precision.
        first_network: Network of the first pass; None takes ``network``.
        key_frames: Key frames by video and number of the sentence; missing ones are chosen.
    """

    takes_text = True

    def __init__(
        self,
        params: ReferringParameters,
        network: ReferFormer,
        read_text: Callable[[Sequence[str]], SentenceBatch],
        runtime: Runtime,
        first_network: ReferFormer | None = None,
        key_frames: KeyFrames | None = None,
    ) -> None:
        runtime.keep_exact()
        self.params = params
        self.target_window = params.target_window
        self.runtime = runtime
        self.read_text = read_text
        self.key_frames: Mapping[str, Mapping[str, int]] = key_frames or {}
        for net in {network, first_network or network}:
            net.chunk_frames = params.chunk_frames
            use_kernel(net, params.kernel)
            if runtime.compile:
                net.body.compile(dynamic=True)
        config = network.text_encoder.config
        self.num_words = config.vocab_size
        self.max_tokens = config.max_position_embeddings - (config.pad_token_id or 0) - 1
        self.network = network
        self._first_network = first_network or network
        self._predict = partial(self._call, network)
        self._predict_first = partial(self._call, self._first_network)
        self._extract_first = partial(self._extract_features, self._first_network)
        self._feed_frames = params.tracking and first_network is None

    @classmethod
    def create(cls, params: ReferringParameters, runtime: Runtime) -> ReferringTracker:
        """See ``WholeVideoTracker.create``."""
        from pytracking.tracker.referring.loading import load_referring_network, load_text_reader

        key_frames = read_key_frames(Path(params.key_frames)) if params.key_frames else None
        read_text = load_text_reader(params.tokenizer_dir)
        network = load_referring_network(params.net, runtime, params.tracking)
        first = None
        if params.init_weights is not None:
            first = load_referring_network(params.init_weights, runtime)
        return cls(params, network, read_text, runtime, first, key_frames)

    @torch.inference_mode()
    def segment(
        self, frames: Frames, prompt: TextPrompt, advance: Advance = ignore_progress
    ) -> list[ReferredTrack]:
        """See ``WholeVideoTracker.segment``."""
        self._check_memory(len(frames), frames[0].shape[:2], len(prompt.texts))
        sentences = [self._read(text) for text in prompt.texts]
        if isinstance(prompt, TargetPrompt):
            tracks = [self._find_in_target(frames, text, prompt.target) for text in sentences]
            advance(len(frames))
            return tracks
        first = [self._encode(self._first_network, sentence) for sentence in sentences]
        is_one = self._first_network is self.network or not self.params.tracking
        own = first if is_one else [self._encode(self.network, sentence) for sentence in sentences]
        states = self._first_pass(frames, prompt, first)
        tracks, reported = [], 0
        for number, (sentence, state) in enumerate(zip(own, states, strict=True)):
            given = self._given_key(prompt, number, len(frames))
            key = self._track(frames, sentence, state, given)
            tracks.append(self._make_track(frames, state, key))
            done = len(frames) * (number + 1) // len(sentences)
            advance(done - reported)
            reported = done
        return tracks

    def _first_pass(
        self, frames: Frames, prompt: TextPrompt, sentences: Sequence[EncodedSentences]
    ) -> list[TrackState]:
        """The first pass, or the masks of an earlier one."""
        if self.params.first_masks is None or not isinstance(prompt, VideoPrompt):
            return first_pass(
                partial(self._predict_first, best_only=True),
                sentences,
                frames,
                self.params,
                self._feed_frames,
                self._extract_first,
                self._first_network.is_prepared,
            )
        grid = self._grid(frames[0].shape[:2])
        folder = Path(self.params.first_masks) / prompt.video
        return [
            TrackState.of_masks(read_first_masks(folder / key, prompt.stems, frames[0].shape), grid)
            for key in prompt.expressions
        ]

    def _grid(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the network's masks of a frame."""
        height, width = fit_size(shape, self.params.short_side, self.params.max_size)
        return -(-height // MASK_STRIDE), -(-width // MASK_STRIDE)

    def _check_memory(self, length: int, shape: tuple[int, int], sentences: int) -> None:
        """Refuse a clip whose masks, the only thing that grows with it, would be too large.

        Raises:
            DataError: They would.
        """
        frame = math.prod(self._grid(shape)) * torch.float32.itemsize
        if self.params.first_masks is not None:
            frame += math.prod(shape)
        needed, most = length * sentences * frame / _MIB, self.params.max_memory
        if needed > most:
            raise DataError(
                f"the masks of {length} frames and {sentences} sentences take {needed:.0f} MiB, "
                f"more than max_memory = {most}: allow more with --max-memory, or cut the clip"
            )

    def _read(self, text: str) -> SentenceBatch:
        """The word pieces of one sentence.

        Raises:
            DataError: It is empty, too long, or cut by another vocabulary than the network's.
        """
        sentence = self.read_text([text])
        if not text.strip():
            raise DataError("a sentence is empty: name the object, for instance 'the brown dog'")
        pieces, most = sentence.ids.shape[1], self.max_tokens
        if pieces > most:
            raise DataError(f"a sentence has {pieces} word pieces, the network reads {most}")
        if int(sentence.ids.max()) >= self.num_words:
            raise DataError(
                f"the vocabulary in tokenizer_dir has more than the {self.num_words} word pieces "
                "that the network knows: it belongs to another network"
            )
        return sentence.to(self.runtime.device)

    def _encode(self, network: ReferFormer, sentence: SentenceBatch) -> EncodedSentences:
        """What a network's text encoder says of a sentence, once for all frames and rounds."""
        with self.runtime.autocast():
            return network.encode_sentences(sentence)

    def _track(
        self, frames: Frames, sentence: EncodedSentences, state: TrackState, given: int | None
    ) -> int | None:
        """Track from the key frame, in rounds; returns the last key frame."""
        if not self.params.tracking:
            return None
        key = 0
        for _ in range(self.params.rounds):
            key = self._choose_key(state) if given is None else given
            find = partial(self._predict, best_only=True)
            track_outward(find, sentence, frames, state, key, self.params)
        return key

    def _choose_key(self, state: TrackState) -> int:
        terms = key_frame_terms(state.scores, state.mask_logits)
        return choose_key_frame(terms, self.params.key_criterion)

    def _given_key(self, prompt: TextPrompt, number: int, length: int) -> int | None:
        """The key frame that the file names for a sentence, by its number in the video."""
        if not isinstance(prompt, VideoPrompt):
            return None
        key = self.key_frames.get(prompt.video, {}).get(str(number))
        if key is not None and not 0 <= key < length:
            raise DataError(
                f"the key frame of {prompt.video}, sentence {number}, is {key}, but the video has "
                f"{length} frames"
            )
        return key

    def _make_track(self, frames: Frames, state: TrackState, key: int | None) -> ReferredTrack:
        size = frames[0].shape[:2]
        masks: list[Rle | None] = []
        for frame in range(len(frames)):
            mask = state.mask(frame, size, self.params.threshold)
            masks.append(encode(mask) if mask.any() else None)
        scores = state.scores.tolist()
        return ReferredTrack(
            tuple(masks),
            float(np.mean(scores)),
            frame_scores=tuple(scores),
            mask_logits=state.mask_logits,
            query_boxes=state.boxes,
            query_centers=state.centers,
            key_frame=key,
        )

    def _find_in_target(
        self, frames: Frames, sentence: SentenceBatch, target: int
    ) -> ReferredTrack:
        """All queries of one frame, by the frames around it or by tracking from one of these."""
        params = self.params
        images = [frames[position] for position in range(len(frames))]
        inputs = network_input(images, params.short_side, params.max_size)
        if not params.tracking:
            clip = pad_clips([inputs], _MULTIPLE)
            predicted = self._predict(clip, sentence, target_frames=[target])
            return self._make_candidates(frames, predicted, 0, target, inputs.shape[-2:])
        clip = as_clip(inputs)
        predicted = self._predict_first(clip, sentence, clip if self._feed_frames else None)
        state = TrackState.of(predicted)
        key = self._choose_key(state)
        if key == target:
            return self._make_candidates(frames, predicted, target, target, inputs.shape[-2:])
        last = track_outward(self._predict, sentence, frames, state, key, params, target)
        assert last is not None  # there is a step from the key frame to another frame
        return self._make_candidates(frames, last, 0, target, inputs.shape[-2:])

    def _make_candidates(
        self,
        frames: Frames,
        predicted: Predictions,
        place: int,
        target: int,
        input_size: Sequence[int],
    ) -> ReferredTrack:
        """The queries of the target frame, which stands at ``place`` among the predictions."""
        found = sentence_masks(
            predicted.logits[0, place],
            predicted.masks[0, place],
            predicted.boxes[0, place],
            (input_size[0], input_size[1]),
            frames[target].shape[:2],
        )
        best = int(found.scores.argmax())
        masks: list[Rle | None] = [None] * len(frames)
        masks[target] = encode(found.masks[best].numpy())
        return ReferredTrack(tuple(masks), float(found.scores[best]), candidates=found)

    def _extract_features(self, network: ReferFormer, clip: ClipBatch) -> ClipFeatures:
        """The backbone's maps, on the device."""
        with self.runtime.autocast():
            return network.extract_features(clip.to(self.runtime.device))

    def _call(
        self,
        network: ReferFormer,
        clip: ClipBatch | ClipFeatures,
        sentence: SentenceBatch | EncodedSentences,
        previous: ClipBatch | ClipFeatures | None = None,
        target_frames: Sequence[int] | None = None,
        best_only: bool = False,
    ) -> Predictions:
        """Predictions of the last layer, float32 on the CPU."""
        is_same, device = previous is clip, self.runtime.device
        clip = clip.to(device)
        if previous is not None:
            previous = clip if is_same else previous.to(device)
        with self.runtime.autocast():
            predicted = network(clip, sentence, previous, target_frames, best_only=best_only)
        logits, boxes, masks, centers = _read_together(predicted[:4])
        return Predictions(logits, boxes, masks, centers)


def _read_together(values: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Tensors as float32 on the CPU, moved as one: a GPU is waited for once."""
    parts = torch.cat([value.flatten().float() for value in values]).cpu()
    sizes = [value.numel() for value in values]
    return [part.view(value.shape) for part, value in zip(parts.split(sizes), values, strict=True)]
