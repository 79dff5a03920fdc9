"""ReferFormer in small, from scratch, on single frames of synthetic clips: minutes on one CPU core.

Write the clips with ``python -m ltr.dataset.referring.synthetic DST`` and give the folder as
``--set train_sets=RefYouTubeVOS:DST --set tokenizer_dir=DST/tokenizer``.
"""

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import RATES, ReferringRecipe

RECIPE = ReferringRecipe(
    description="ReferFormer with a narrow ResNet-18 and a small text encoder, on synthetic images",
    train_sets=("RefYouTubeVOS:synthetic",),
    tokenizer_dir="synthetic/tokenizer",
    load_text_encoder=False,
    full_epochs=False,
    samples_per_epoch=16 * 100,
    max_epochs=30,
    milestones=(24, 28),
    gamma=0.3,
    batch_size=16,
    num_workers=0,
    num_frames=1,
    tracking=False,
    short_sides=(64,),
    max_size=96,
    random_crop=False,
    photometric_distortion=False,
    backbone="resnet18",
    backbone_from_scratch=True,
    backbone_width=16,
    num_queries=3,
    hidden_dim=32,
    num_heads=4,
    num_levels=3,
    num_points=2,
    encoder_layers=1,
    decoder_layers=2,
    feedforward_dim=64,
    dropout=0.0,
    pixel_decoder_dropout=0.0,
    mask_dim=16,
    freeze_text_encoder=False,
    text_config={
        "vocab_size": 400,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "max_position_embeddings": 40,
        "hidden_dropout_prob": 0,
        "attention_probs_dropout_prob": 0,
    },
    learning_rates=dict.fromkeys(RATES, 1e-3),
    max_gradient_norm=1.0,
    print_interval=50,
    keep_checkpoints=2,
)

run = experiment(RECIPE, ReferringAssembly)
