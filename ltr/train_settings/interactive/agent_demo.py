"""The small agent that ships with the package: real rounds of ``joint joint_demo``.

It learns which frame raises the quality most; see docs/demo_networks.md.
"""

from dataclasses import replace

from ltr.train_settings.experiment import experiment
from ltr.train_settings.interactive import agent_demo_simulated
from ltr.train_settings.interactive.recommendation_assembly import AgentAssembly

RECIPE = replace(
    agent_demo_simulated.RECIPE,
    description="Small IVOS-W agent",
    init_checkpoint="ltr/interactive/agent_demo_simulated",
    simulated_episodes=0,
    unfiltered_buffer=False,
    sample_th=0.0,
    max_epochs=10,
    samples_per_epoch=32 * 20,
    batch_size=32,
    learning_rates={"policy": 3e-4},
)

run = experiment(RECIPE, AgentAssembly)
