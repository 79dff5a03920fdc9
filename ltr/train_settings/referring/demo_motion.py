"""ReferFormer for the shipped network, last part: a backbone that knows looks and motions.

``docs/demo_networks.md`` has the commands; ``--set backbone_weights=FOLDER`` names the training of
``demo_looks``.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.referring import demo
from ltr.train_settings.referring.assembly import ReferringAssembly

RECIPE = replace(
    demo.RECIPE,
    description="ReferFormer with a backbone that learned looks, on neighbouring drawn frames",
    init_checkpoint="ltr/referring/demo",
    num_frames=4,
    neighbouring_frames=True,
    batch_size=6,
    samples_per_epoch=6 * 50,
    max_epochs=10,
    learning_rates={**demo.RECIPE.learning_rates, "backbone": 3e-4},
    warmup_steps=20,
    print_interval=25,
)

run = experiment(RECIPE, ReferringAssembly)
