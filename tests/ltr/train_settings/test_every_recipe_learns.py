"""Every recipe starts on tiny sets, and its loss falls on samples that stay the same.

The real trainer runs with the recipe's data sets, losses, optimiser and schedule; only sizes, start
files and the length of the run are small, and the rates so large that a few steps show something.
MANet's dropout hides what a few steps of SGD learn, so Adam takes its place there.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

import ltr.train_settings
from ltr.admin.settings import Settings
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.train_settings.assembly import Assembly, SampleSets
from ltr.train_settings.experiment import AssemblyClass, train
from tests.recipe_trees import path_variables, write_training_sets

FOLDER = Path(ltr.train_settings.__file__).parent
RECIPES = sorted(
    path.relative_to(FOLDER).with_suffix("")
    for path in FOLDER.glob("*/*.py")
    if not path.stem.endswith(("__init__", "assembly", "recipe"))
)
COMMON = ("num_workers=0", "init_checkpoint=none", "max_epochs=6")
PAIRS = ("batch_size=2", "samples_per_epoch=2", "milestones=", "warmup_steps=0")
TEXT = "text_config=vocab_size=400,hidden_size=32,num_hidden_layers=1,num_attention_heads=2,"
CHANGES: dict[str, tuple[str, ...]] = {
    "joint": (
        *PAIRS, "backbone_weights=none", "validation_samples=0", "output_size=48,32",
        "backbone_width=8", "out_feature_dim=16", "transformer_dim=16", "lr_scale=20",
    ),
    "dense_ulearn": (
        *PAIRS, "scored_split=none", "validation_samples=0", "crop_size=64,64",
        "smallest_range=64,80", "video_len=3", "feature_dim=8", "backbone_width=8", "grid_size=8",
        "lr_scale=10",
    ),
    "propose_reduce": (
        *PAIRS, "backbone=resnet18", "backbone_weights=none", "backbone_width=8", "width=16",
        "from_scratch=true", "img_scale=96,64", "box_batch_size=16", "lr_scale=2e-3",
    ),
    "referring": (
        *PAIRS, "full_epochs=false", "validation_sets=", "pretrained=none", "backbone_width=32",
        "backbone_weights=none", "load_text_encoder=false", "hidden_dim=32", "num_heads=4",
        TEXT + "intermediate_size=32,max_position_embeddings=40", "encoder_layers=1",
        "decoder_layers=2", "feedforward_dim=32", "num_points=2", "mask_dim=16", "short_sides=32",
        "max_size=48", "image_short_sides=32", "cropped_image_short_sides=32", "image_max_size=48",
        "lr_scale=20", "tokenizer_dir=ROOT/tokenizer", "num_frames=3", "max_epochs=3",
    ),
    "interactive/ipn": (
        "batch_size=1", "milestones=", "backbone_weights=none", "width=2", "mdim=4",
        "short_side=40", "crop_size=40", "lr_scale=500", "max_epochs=4",
    ),
    "interactive/manet": (
        *PAIRS, "backbone_weights=none", "width=4", "planes=8", "embedding_dim=8", "crop_size=32",
        "poly_steps=6", "optimizer=adam", "nesterov=false", "lr_scale=15",
    ),
    "interactive/agent": ("hidden=8", "lr_scale=1e3"),
    "interactive/quality_demo": ("rounds=1", "episodes=1", "batch_size=1", "lr_scale=0.01"),
    "interactive/quality": (
        "backbone_weights=none", "rounds=1", "image_size=40,60", "width=4", "depths=1,1,1,1",
        "side=32", "batch_size=8", "samples_per_epoch=8", "lr_scale=100",
    ),
    "interactive/agent_demo": ("lr_scale=10", "samples_per_epoch=32", "batch_size=32"),
    "interactive/agent_demo_simulated": ("simulated_episodes=20",),
    "joint/joint_demo": ("train_sets=DAVIS/2017/train=1,pasted:COCO/2017/train=1",),
    "joint/joint_demo_broad": ("train_sets=DAVIS/2017/train=1,pasted:COCO/2017/train=1",),
    "dense_ulearn/folder": ("train_videos=folder:ROOT/kinetics/video_jpeg/train",),
    "propose_reduce/synthetic": ("train_set=videos:ROOT/shapes/train",),
    "propose_reduce/demo": (
        "init_checkpoint=none",
        "train_set=zoomed:COCO/2017/train=1+DAVIS/2017/train=1+videos:ROOT/coarse/train=1",
    ),
    "referring/demo_words": ("lr_scale=2", "max_epochs=6"),
    "referring/refcoco": ("num_frames=1",),
    "referring/demo_images": ("num_frames=1", "train_sets=RefYouTubeVOS:ROOT/refytvos"),
    "referring/synthetic_images": ("num_frames=1",),
    "referring/synthetic": ("train_sets=RefYouTubeVOS:ROOT/refytvos",),
    **{
        f"referring/{stage}_r": ("backbone_width=8",)
        for stage in ("refcoco", "referformer", "refytvos", "joint")
    },
    "referring/demo_looks": (*PAIRS, "backbone_width=8", "width=16"),
    "referring/demo_cutout_looks": (*PAIRS, "backbone_width=8", "width=16", "cutout_share=1"),
    "referring/demo_cutouts": ("cutout_share=1",),
    "referring/demo_cutout_words": ("cutout_share=1", "lr_scale=2", "max_epochs=6"),
}  # fmt: skip
"""By beginnings of ``system/experiment``; a later entry that fits adds to an earlier one."""
# Nothing is added to these.
_ON_THEIR_OWN = (
    "referring/demo_looks",
    "referring/demo_cutout_looks",
    "interactive/quality_demo",
)


class FirstBatch(RandomSamples[Any]):
    """The first batch of an epoch, the same in every epoch."""

    orders_epochs = True

    def __init__(self, samples: RandomSamples[Any], batch_size: int) -> None:
        super().__init__(min(len(samples), batch_size))
        self.samples = samples
        samples.begin_epoch(1, 0)
        if hasattr(samples, "collate"):
            self.collate = samples.collate

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        return self.samples[key._replace(epoch=1)]

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> Any:
        return self.samples.choose(key._replace(epoch=1), attempt, random)

    def read(self, draw: Any, random: Generators) -> dict[str, Any]:
        return self.samples.read(draw, random)

    def source(self, draw: Any) -> str:
        return self.samples.source(draw)


def changes_of(name: str, root: Path) -> list[str]:
    """The assignments of an experiment."""
    if name in _ON_THEIR_OWN:
        own = [COMMON, CHANGES[name]]
    else:
        own = [COMMON, *(rows for start, rows in CHANGES.items() if name.startswith(start))]
    return [row.replace("ROOT", str(root)) for rows in own for row in rows]


def on_the_first_batch(assembly: type[Assembly[Any]]) -> AssemblyClass:
    """The same assembly, whose data are the first batch."""

    class Steady(assembly):  # type: ignore[misc,valid-type]
        def datasets(self) -> SampleSets:
            samples, _ = super().datasets()
            return FirstBatch(samples, self.recipe.batch_size), None

    return Steady


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return write_training_sets(tmp_path_factory.mktemp("sets"))


@pytest.mark.parametrize("path", RECIPES, ids=str)
def test_the_loss_falls(path, root, tmp_path, monkeypatch):
    for name, value in path_variables(root, has_cutouts="cutout" in path.name).items():
        monkeypatch.setenv(name, value)
    module = importlib.import_module(f"ltr.train_settings.{path.parent}.{path.name}")
    assembly = module.run.keywords["assembly_class"]
    settings = Settings(
        path.parent.name,
        path.name,
        tuple(changes_of(str(path), root)),
        device="cpu",
        quiet=True,
        workspace=tmp_path,
    )
    train(settings, module.RECIPE, on_the_first_batch(assembly))
    log = tmp_path / "checkpoints" / settings.project_path / "log.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line["stats"] for line in lines if line["kind"] == "batch"]
    losses = [stats.get("Loss/total", stats.get("Loss/main")) for stats in steps]
    assert len(losses) >= 3
    assert sum(losses[-2:]) / 2 < losses[0]
