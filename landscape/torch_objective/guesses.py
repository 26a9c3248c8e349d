"""What a diagnosis needs beside the mean loss: the best constant predictor, and the loss of each example."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.importers.pytorch.losses import unfolded
from landscape.objective.endings import Ending, Units
from landscape.torch_objective.data import examples_of
from landscape.torch_objective.endings import ending_of, loss_of_chosen
from landscape.torch_objective.losses import parted, weight_of
from landscape.torch_objective.metrics import accuracy, has_classes, has_sides, ignored, of_classes, sides
from landscape.torch_objective.units import units_of

Array = NDArray[np.float64]

# Iterations of L-BFGS for the best constant, how flat its end has to be, and how far below zero no loss of a constant lies.
ITERATIONS, FLAT, BOTTOM = 200, 1e-4, -1e6
# Fewer batches are no sample, where a loss of batches gives no other.
FEW_BATCHES = 8


class Guesses:
    """A split of a `TorchObjective`, as a diagnosis looks at it.

    Parameters
    ----------
    split
        The `TorchObjective` of its examples.
    loss
        The loss that it was made with; None for a loss of batches.
    """

    def __init__(self, split: Any, loss: Any) -> None:
        self.objective, self.loss = split, loss
        self.torch, self.host, self.step = split.host.torch, split.host, split.step

    def count(self) -> int:
        """Count the examples."""
        return sum(examples_of(batch) or 1 for batch in self.objective.batches)

    def measured(self, theta: ArrayLike, buffers: Array | None = None) -> tuple[float, float | None]:
        """Give the loss without penalty, and the accuracy if there is one, at θ with these buffers."""
        self.host.buffers = buffers
        try:
            found = self.objective.evaluate(theta)
        finally:
            self.host.buffers = None
        return found.loss, found.accuracy

    def outputs(self) -> Iterator[tuple[Any, Any]]:
        """Give outputs and targets of each batch where the host is."""
        with self.torch.no_grad():
            for batch in self.objective.batches:
                inputs, targets = parted(batch)
                given = self.host.module(**inputs) if isinstance(inputs, dict) else self.host.module(*inputs)
                yield given, targets

    def single(self, theta: ArrayLike) -> tuple[Array, Array | None] | None:
        """Give the loss of each example [N] at θ, and whether it is right [N]; None if only a few batches have one.

        Of a loss of batches these are the batches' losses.
        """
        losses: list[float] = []
        hits: list[bool] = []
        with self.objective.at(theta), self.torch.no_grad():
            if self.loss is None:
                found = [
                    float(self.step(self.torch, self.host.module, batch)[0][0])
                    for batch in self.objective.batches
                ]
                return (np.array(found), None) if len(found) >= FEW_BATCHES else None
            for outputs, targets in self.outputs():
                for place in range(len(targets)):
                    one = outputs[place : place + 1], targets[place : place + 1]
                    counts = weight_of(self.torch, self.loss, one[1], 1)
                    if float(counts) > 0:
                        losses.append(float(self.loss_of(*one)))
                        hits.append(self.is_right(*one))
        known = self.has_answers
        return np.array(losses), np.array(hits, np.float64) if known else None

    @property
    def has_answers(self) -> bool:
        """Whether an example is right or wrong."""
        return has_classes(self.torch, self.loss) or has_sides(self.torch, self.loss)

    def is_right(self, outputs: Any, targets: Any) -> bool:
        """Say whether most of what is predicted of one example is right."""
        if has_classes(self.torch, self.loss):
            return float(accuracy(ignored(self.loss), outputs, targets)[0]) > 0.5
        return has_sides(self.torch, self.loss) and float(sides(outputs, targets)[0]) > 0.5

    def chance(self) -> float:
        """Give the accuracy of guessing, 1/C; NaN where nothing is right or wrong."""
        if self.loss is None or not self.has_answers:
            return math.nan
        if has_sides(self.torch, self.loss):
            return 0.5
        seen: set[int] = set()
        for batch in self.objective.batches:
            targets = parted(batch)[1]
            targets = targets.argmax(1) if targets.is_floating_point() else targets
            seen |= set(self.torch.unique(targets).tolist())
        return 1.0 / max(2, len(seen - {ignored(self.loss)}))

    def constant(self) -> float:
        """Give the least loss of an output that is the same for every input; NaN where it cannot be found.

        Classes have their shares; of other losses it is searched by L-BFGS from several starts, which is the least where the loss is convex in
        the output, as those of `torch.nn` are.
        """
        if self.loss is None:
            return math.nan
        with self.objective.at(self.objective.theta):
            pairs = [(outputs.detach(), targets) for outputs, targets in self.outputs()]
        if not all(isinstance(outputs, self.torch.Tensor) for outputs, _ in pairs):
            return math.nan
        with self.torch.inference_mode(False), self.torch.enable_grad():
            found = [self.least_constant(pairs, start) for start in self.starts(pairs)]
        good = [value for value in found if math.isfinite(value)]
        return min(good) if good else math.nan

    def ending(self, theta: ArrayLike) -> Ending:
        """Tell what makes the output at θ, and where all outputs lie."""
        return ending_of(self, theta)

    def loss_of_chosen(self, choose: Callable[[NDArray, tuple[int, ...]], Array]) -> float:
        """Give the mean loss of outputs that a function chooses, batch by batch, of the targets and the outputs' shape."""
        return loss_of_chosen(self, choose)

    def units(self, theta: ArrayLike) -> Units | None:
        """Give what the units of all activations do over the examples at θ, None where that is not known."""
        return units_of(self, theta)

    def loss_of(self, outputs: Any, targets: Any) -> Any:
        """Evaluate the loss of outputs and targets."""
        assert self.step.function is not None
        return self.step.function(outputs, targets)

    def prediction(self) -> Callable[[Any], Any]:
        """Give what makes a constant an output of the kind that the loss takes: shares of classes, or a share of ones."""
        function, nn = unfolded(self.loss)[0], self.torch.nn
        if isinstance(function, nn.NLLLoss) or function is nn.functional.nll_loss:
            return lambda constant: nn.functional.log_softmax(constant, 0)
        if isinstance(function, nn.BCELoss) or function is nn.functional.binary_cross_entropy:
            return self.torch.sigmoid
        return lambda constant: constant

    def starts(self, pairs: list[tuple[Any, Any]]) -> list[Any]:
        """Give constants to begin at: zero, the mean output, and the mean and the median target where these are outputs too."""
        mean = sum(outputs.double().sum(0) for outputs, _ in pairs) / sum(
            len(outputs) for outputs, _ in pairs
        )
        if of_classes(self.torch, self.loss) and mean.ndim > 1 and not pairs[0][1].is_floating_point():
            # One prediction for all places of an image or a text.
            mean = mean.mean(tuple(range(1, mean.ndim)), keepdim=True)
        found = [self.torch.zeros_like(mean), mean]
        if all(t.shape == o.shape and t.is_floating_point() for o, t in pairs):
            whole = self.torch.cat([targets for _, targets in pairs]).double()
            found += [whole.mean(0), whole.median(0).values]
        return found

    def least_constant(self, pairs: list[tuple[Any, Any]], start: Any) -> float:
        """Search the least loss from a start; NaN if there is none."""
        torch, predicted = self.torch, self.prediction()
        constant = start.to(pairs[0][0].dtype).clone().requires_grad_()
        search = torch.optim.LBFGS(
            [constant], max_iter=ITERATIONS, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
        )  # fmt: skip

        def loss() -> Any:
            total, weights = 0.0, 0.0
            for outputs, targets in pairs:
                weight = (
                    1.0 if self.step.summed else float(weight_of(torch, self.loss, targets, len(targets)))
                )
                if weight:  # a mean over no example is no number
                    total = total + weight * self.loss_of(predicted(constant).expand_as(outputs), targets)
                weights += weight
            return total / (1.0 if self.step.summed else weights)

        def closure() -> Any:
            search.zero_grad()
            value = loss()
            value.backward()
            return value

        try:
            first = float(loss().detach())
            search.step(closure)
            value = float(loss().detach())
        except (RuntimeError, ValueError, IndexError):
            return math.nan
        slope = constant.grad
        flat = slope is not None and float(slope.norm()) <= FLAT * max(1.0, abs(value))
        # A kink, as of the absolute error, is not flat: a start that is not left is the least there.
        if value < BOTTOM or not (flat or value >= first - FLAT * max(1.0, abs(first))):
            return math.nan
        return min(value, first)
