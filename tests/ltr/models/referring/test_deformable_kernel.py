"""The Triton kernel against PyTorch: interpreted on the CPU, and compiled on a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ltr.admin.errors import ConfigError
from ltr.models.referring.deformable_attention import use_kernel
from ltr.models.referring.deformable_sampling import sample_points
from tests.small_referring import small_network

pytest.importorskip("triton", reason="triton is not installed")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
SIZES = ((5, 7), (3, 4), (1, 2))


def largest_differences(device: str, queries: int, channels: int) -> list[float]:
    """Of the output and of the three gradients, each divided by the largest value."""
    from ltr.models.referring.deformable_kernel import sample_points as kernel

    generator = torch.Generator().manual_seed(0)
    shape = (2, queries, 3, len(SIZES), 2)
    inputs = [
        torch.randn(2, 49, 3, channels, generator=generator),
        torch.rand(*shape, 2, generator=generator) * 1.6 - 0.3,
        torch.rand(shape, generator=generator),
    ]
    inputs = [x.to(device).requires_grad_() for x in inputs]
    results = []
    for function in (kernel, sample_points):
        output = function(inputs[0], SIZES, *inputs[1:])
        results.append([output, *torch.autograd.grad(output.square().sum(), inputs)])
    pairs = zip(*results, strict=True)
    return [float((one - other).abs().max() / other.abs().max()) for one, other in pairs]


def test_interpreted_the_kernel_is_the_plain_form():
    root = Path(__file__).resolve().parents[4]
    module = "tests.ltr.models.referring.test_deformable_kernel"
    code = (
        f"from {module} import largest_differences as differences; "
        "print(max(differences('cpu', 37, 12) + differences('cpu', 5, 16)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-5


@needs_gpu
def test_compiled_the_kernel_is_the_plain_form():
    assert max(largest_differences("cuda", 1000, 32)) < 1e-5


@needs_gpu
def test_a_network_gives_the_same_with_the_kernel():
    from ltr.data.referring.batches import pad_clips
    from tests.small_referring import small_sentences

    network = small_network().cuda()
    batch = pad_clips([torch.randn(2, 3, 64, 96)]).to("cuda")
    sentences = small_sentences().to("cuda")
    wanted = network(batch, sentences).masks
    use_kernel(network, "triton")
    found = network(batch, sentences).masks
    assert (found - wanted).abs().max() < 1e-3 * wanted.abs().max()


def test_without_a_gpu_one_sentence():
    network = small_network()
    with pytest.raises(ConfigError, match="needs a GPU, and the network is on cpu"):
        use_kernel(network, "triton")
    with pytest.raises(ConfigError, match="did you mean 'triton'"):
        use_kernel(network, "tritn")
    use_kernel(network, "torch")
    assert network.transformer.encoder.layers[0].self_attn.sampler is sample_points
