"""The filter optimiser: both forms of its operator, its steps and its gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ltr.models.joint.filter_solver import (
    ConvolutionOperator,
    MatrixOperator,
    Trace,
    steepest_descent,
)

sizes = st.integers(1, 4)


@given(sizes, sizes, st.integers(3, 7), st.integers(3, 7), st.sampled_from([1, 3]))
@settings(max_examples=25, deadline=None)
def test_both_operators_are_the_same_map(frames, sequences, height, width, kernel):
    torch.manual_seed(0)
    features = torch.randn(frames, sequences, 5, height, width, dtype=torch.float64)
    filters = torch.randn(sequences, 2, 5, kernel, kernel, dtype=torch.float64)
    scores = torch.randn(frames, sequences, 2, height, width, dtype=torch.float64)
    convolution = ConvolutionOperator(features, kernel)
    matrix = MatrixOperator(features, kernel)
    torch.testing.assert_close(matrix.apply(filters), convolution.apply(filters))
    torch.testing.assert_close(matrix.transpose(scores), convolution.transpose(scores))


def test_a_shared_block_equals_copies_of_it():
    torch.manual_seed(0)
    shared = torch.randn(2, 1, 5, 4, 6)
    filters, scores = torch.randn(3, 2, 5, 3, 3), torch.randn(2, 3, 2, 4, 6)
    one, copies = MatrixOperator(shared, 3), MatrixOperator(shared.repeat(1, 3, 1, 1, 1), 3)
    torch.testing.assert_close(one.apply(filters), copies.apply(filters))
    torch.testing.assert_close(one.transpose(scores), copies.transpose(scores))


@pytest.mark.parametrize("form", ["convolution", "matrix"])
def test_transpose_is_the_adjoint(form):
    torch.manual_seed(0)
    features = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64)
    operator = ConvolutionOperator(features, 3)
    if form == "matrix":
        operator = MatrixOperator(features, 3)
    filters = torch.randn(3, 2, 4, 3, 3, dtype=torch.float64)
    scores = torch.randn(2, 3, 2, 5, 6, dtype=torch.float64)
    left = (operator.apply(filters) * scores).sum()
    right = (filters * operator.transpose(scores)).sum()
    torch.testing.assert_close(left, right)


def _problem(dtype=torch.float64):
    torch.manual_seed(0)
    features = torch.randn(3, 2, 4, 5, 6, dtype=dtype)
    labels = torch.rand(3, 2, 2, 5, 6, dtype=dtype)
    weights = 0.5 + torch.rand(3, 2, 2, 5, 6, dtype=dtype)
    return features, labels, weights, torch.tensor([0.3], dtype=dtype)


def test_loss_falls_towards_the_least_squares_solution():
    features, labels, weights, regularisation = _problem()
    trace, start = Trace(), torch.zeros(2, 2, 4, 3, 3, dtype=torch.float64)
    operator = ConvolutionOperator(features, 3)
    filters = steepest_descent(operator, start, labels, weights, regularisation, 300, trace)
    losses = torch.stack(trace.losses)
    assert (losses.diff() <= 1e-12).all()
    residual = weights * (operator.apply(filters) - labels)
    gradient = operator.transpose(weights * residual) + regularisation**2 * filters
    assert gradient.abs().max() < 1e-6
    assert len(trace.losses) == 301
    assert len(trace.step_lengths) == 300


def test_reported_loss_is_the_definition():
    features, labels, weights, regularisation = _problem()
    trace, start = Trace(), torch.randn(2, 2, 4, 3, 3, dtype=torch.float64)
    operator = ConvolutionOperator(features, 3)
    steepest_descent(operator, start, labels, weights, regularisation, 3, trace)
    for filters, loss in zip(trace.filters, trace.losses, strict=True):
        data = weights * (operator.apply(filters) - labels)
        energy = data.square().sum() + (regularisation * filters).square().sum()
        torch.testing.assert_close(loss, energy / (data.numel() + filters.numel()))


def test_sequences_do_not_influence_each_other():
    features, labels, weights, regularisation = _problem()
    start = torch.zeros(2, 2, 4, 3, 3, dtype=torch.float64)
    both = steepest_descent(
        ConvolutionOperator(features, 3), start, labels, weights, regularisation, 5
    )
    for index in range(2):
        one = slice(index, index + 1)
        alone = steepest_descent(
            ConvolutionOperator(features[:, one], 3), start[one], labels[:, one],
            weights[:, one], regularisation, 5,
        )  # fmt: skip
        torch.testing.assert_close(alone, both[one])


def test_gradients_flow_through_the_iterations():
    features, labels, weights, regularisation = _problem()
    inputs = [tensor[:1, :1].clone().requires_grad_() for tensor in (features, labels, weights)]
    inputs.append(regularisation.clone().requires_grad_())
    start = torch.zeros(1, 2, 4, 3, 3, dtype=torch.float64)

    def optimise(features, labels, weights, regularisation):
        operator = ConvolutionOperator(features, 3)
        return steepest_descent(operator, start, labels, weights, regularisation, 2)

    assert torch.autograd.gradcheck(optimise, inputs, atol=1e-6)
