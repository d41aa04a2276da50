"""The model: a linear regression, and small networks trained on what it leaves over.

Trained on the mean squared error of the flow itself, which is what the Nash-Sutcliffe efficiency measures, on
all days at once by L-BFGS: no learning rate, no batches, nothing random but the seeded start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """All that decides a training, besides its data. `penalty` is the weight of the squared weights."""

    hidden: tuple[int, int] = (32, 16)
    members: int = 5
    penalty: float = 1e-3
    iterations: int = 150
    seed: int = 55_002


@dataclass(frozen=True)
class Dense:
    """One layer: `weights` [inputs, outputs] and `bias` [outputs]."""

    weights: Array
    bias: Array

    def __call__(self, values: Array) -> Array:
        """Apply the layer to [n, inputs]: [n, outputs]."""
        return values @ self.weights + self.bias


@dataclass(frozen=True)
class FloodModel:
    """flow = max(0, linear(x) + mean over members of tanh-tanh-linear(x)); x [n, fields], flow [n] m3/s."""

    linear: Dense
    members: tuple[tuple[Dense, ...], ...] = ()

    def predict(self, features: npt.NDArray[np.floating]) -> Array:
        """Forecast the flow of each row of `features` [n, fields]: [n], m3/s."""
        x = features.astype(np.float64)
        total = self.linear(x)
        if self.members:
            total = total + np.mean([_forward(member, x)[-1] for member in self.members], axis=0)
        return np.asarray(np.maximum(total[:, 0], 0.0))


def fit_linear(features: npt.NDArray[np.floating], flow: Array) -> FloodModel:
    """Least squares on features [n, fields] and flow [n]: the baseline, and the first part of the model."""
    x = np.column_stack([features.astype(np.float64), np.ones(len(features))])
    solution: Array = np.linalg.lstsq(x, flow, rcond=None)[0].astype(np.float64)
    return FloodModel(Dense(solution[:-1, None], solution[-1:]))


def fit(features: npt.NDArray[np.floating], flow: Array, recipe: Recipe) -> FloodModel:
    """Train on features [n, fields] and flow [n], m3/s. Equal arguments on one machine give equal models."""
    linear = fit_linear(features, flow).linear
    x = features.astype(np.float64)
    rest = flow - linear(x)[:, 0]
    centre, spread, scale = x.mean(axis=0), x.std(axis=0), float(rest.std())
    standard = (x - centre) / spread
    members = []
    for member in range(recipe.members):
        layers = _fit_member(standard, rest / scale, recipe, recipe.seed + member)
        members.append(_absorb(layers, centre, spread, scale))
    return FloodModel(linear, tuple(members))


def _forward(layers: Iterable[Dense], x: Array) -> list[Array]:
    """The output of each layer: tanh after all but the last."""
    outputs: list[Array] = []
    layers = tuple(layers)
    for layer in layers:
        x = layer(x)
        if layer is not layers[-1]:
            x = np.tanh(x)
        outputs.append(x)
    return outputs


def _start(sizes: tuple[int, ...], seed: int) -> list[Dense]:
    rng = np.random.default_rng(seed)
    return [
        Dense(rng.normal(0.0, inputs**-0.5, (inputs, outputs)), np.zeros(outputs))
        for inputs, outputs in pairwise(sizes)
    ]


def _flat(layers: Iterable[Dense]) -> Array:
    return np.concatenate([part.ravel() for layer in layers for part in (layer.weights, layer.bias)])


def _layers(parameters: Array, sizes: tuple[int, ...]) -> list[Dense]:
    layers, at = [], 0
    for inputs, outputs in pairwise(sizes):
        weights = parameters[at : (at := at + inputs * outputs)].reshape(inputs, outputs)
        layers.append(Dense(weights, parameters[at : (at := at + outputs)]))
    return layers


def _fit_member(x: Array, target: Array, recipe: Recipe, seed: int) -> list[Dense]:
    sizes = (x.shape[1], *recipe.hidden, 1)

    def loss(parameters: Array) -> tuple[float, Array]:
        layers = _layers(parameters, sizes)
        return _loss_and_gradient(layers, x, target, recipe.penalty)

    options = {"maxiter": recipe.iterations, "maxcor": 20}
    found = minimize(loss, _flat(_start(sizes, seed)), jac=True, method="L-BFGS-B", options=options)
    return _layers(found.x, sizes)


def _loss_and_gradient(layers: list[Dense], x: Array, target: Array, penalty: float) -> tuple[float, Array]:
    """Mean squared error plus penalty, and its gradient by back-propagation in the order of `_flat`."""
    outputs = _forward(layers, x)
    error = outputs[-1][:, 0] - target
    back = 2.0 * error[:, None] / len(target)
    gradients: list[Dense] = []
    for index in range(len(layers) - 1, -1, -1):
        layer, given = layers[index], outputs[index - 1] if index else x
        gradients.append(Dense(given.T @ back + 2.0 * penalty * layer.weights, back.sum(axis=0)))
        if index:
            back = (back @ layer.weights.T) * (1.0 - given**2)
    squares = sum(float((layer.weights**2).sum()) for layer in layers)
    return float((error**2).mean()) + penalty * squares, _flat(reversed(gradients))


def _absorb(layers: list[Dense], centre: Array, spread: Array, scale: float) -> tuple[Dense, ...]:
    """Put standardisation into the first layer and scale into the last: the model takes raw features."""
    first, *middle, last = layers
    weights = first.weights / spread[:, None]
    opened = Dense(weights, first.bias - centre @ weights)
    return (opened, *middle, Dense(last.weights * scale, last.bias * scale))
