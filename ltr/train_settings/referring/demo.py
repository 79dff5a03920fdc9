"""ReferFormer for the shipped network, second part: clips of three frames, to learn motion.

``docs/demo_networks.md`` has the commands.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import demo_images
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    demo_images.RECIPE,
    description="ReferFormer with a ResNet-18 that sees neighbouring frames, on synthetic clips",
    init_checkpoint="ltr/referring/demo_images",
    num_frames=3,
    batch_size=8,
    samples_per_epoch=8 * 50,
    max_epochs=30,
    rate_schedule="cosine",
    average_decay=0.99,
)

run = experiment(RECIPE, ReferringAssembly)
