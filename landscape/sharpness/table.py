"""The table of measures: definition, meaning of the error, source, and the rescalings that leave each unchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from landscape.curvature import Estimate
from landscape.sharpness.ball import adaptive, sam, sam_maximized
from landscape.sharpness.fisher_rao import fisher_rao
from landscape.sharpness.hessian import frobenius_norm, lambda_max, trace, weighted_lambda_max
from landscape.sharpness.keskar import keskar, keskar_subspace
from landscape.sharpness.noise import adaptive_average, average
from landscape.sharpness.options import Options
from landscape.sharpness.relative_flatness import relative_flatness
from landscape.sharpness.subject import Subject
from landscape.sharpness.width import width

BOUND = "bound: residual, asymmetry and rounding"
STANDARD = "one standard error, 0 where exact"
SPREAD = "distance to the second best of several starts; the maximum is at least the value"
ROUNDING = "rounding"


@dataclass(frozen=True)
class Measure:
    """A row of the table.

    `layer` and `neuron` say whether rescaling a ReLU network's layers, or single neurons, leaves it as it is. `needs`
    says what a function of θ must have beside its gradient: "tensors", "nonzero weights", "examples" or nothing.
    """

    compute: Callable[[Subject, Options, int], Estimate]
    definition: str
    error: str
    source: str
    layer: bool
    neuron: bool
    settings: tuple[str, ...] = ()
    needs: str = ""

    def told(self, options: Options) -> dict[str, Any]:
        """Lay out what a record says of it."""
        return {
            "definition": self.definition,
            "error": self.error,
            "source": self.source,
            "invariant": {"layer": self.layer, "neuron": self.neuron},
            "settings": {name: getattr(options, name) for name in self.settings},
        }

    def possible(self, subject: Subject) -> bool:
        """Say whether it can be measured of a subject."""
        there = {
            "tensors": any(tensor.has_filters for tensor in subject.tensors or ()),
            "nonzero weights": subject.has_weights,
            "examples": subject.empirical_fisher is not None,
        }
        return there.get(self.needs, True)


KESKAR = "Keskar et al. 2017, arXiv 1609.04836, eq. 3"
FORET = "Foret et al. 2021, arXiv 2010.01412"
ANDRIUSHCHENKO = "Andriushchenko et al. 2023, arXiv 2302.07011"

MEASURES: dict[str, Measure] = {
    "lambda_max": Measure(
        lambda_max,
        "largest eigenvalue of the Hessian H",
        BOUND,
        "Hochreiter and Schmidhuber 1997",
        False,
        False,
    ),
    "trace": Measure(trace, "tr H", STANDARD, "Hutch++, arXiv 2010.09649", False, False),
    "frobenius": Measure(
        frobenius_norm, "Frobenius norm of H", STANDARD, "E‖Hv‖² of random signs v", False, False
    ),
    "keskar": Measure(
        keskar,
        "100·(max of L(θ+z) − L(θ))/(1 + L(θ)) over |zᵢ| ≤ ε(|θᵢ| + 1), by L-BFGS-B",
        SPREAD,
        KESKAR,
        False,
        False,
        ("epsilon", "iterations", "starts"),
    ),
    "keskar_subspace": Measure(
        keskar_subspace,
        "the same over θ + Az, A of standard normal numbers, |zᵢ| ≤ ε(|(A⁺θ)ᵢ| + 1)",
        SPREAD,
        KESKAR,
        False,
        False,
        ("epsilon", "iterations", "dimensions", "starts"),
    ),
    "sam": Measure(
        sam, "L(θ + ρ g/‖g‖) − L(θ) with the gradient g", ROUNDING, f"{FORET}, eq. 2", False, False, ("rho",)
    ),
    "sam_maximized": Measure(
        sam_maximized,
        "max of L(θ+d) − L(θ) over ‖d‖ ≤ ρ",
        SPREAD,
        f"{FORET}, eq. 1",
        False,
        False,
        ("rho", "starts"),
    ),
    "adaptive": Measure(
        adaptive,
        "max of L(θ + |θ|u) − L(θ) over ‖u‖ ≤ ρ, element by element",
        SPREAD,
        "Kwon et al. 2021, arXiv 2102.11600, without η",
        True,
        True,
        ("adaptive_rho", "starts"),
    ),
    "average": Measure(
        average,
        "mean of L(θ+δ) − L(θ), δᵢ of N(0, σ²)",
        STANDARD,
        ANDRIUSHCHENKO,
        False,
        False,
        ("sigma", "samples"),
    ),
    "adaptive_average": Measure(
        adaptive_average,
        "mean of L(θ+δ) − L(θ), δᵢ of N(0, σ²θᵢ²)",
        STANDARD,
        ANDRIUSHCHENKO,
        True,
        True,
        ("adaptive_sigma", "samples"),
    ),
    "relative_flatness": Measure(
        relative_flatness,
        "Σ ⟨w_s, w_t⟩ tr H_st over pairs of neurons, summed over layers",
        STANDARD,
        "Petzka et al. 2021, arXiv 2001.00939, definition 3",
        True,
        False,
        (),
        "tensors",
    ),
    "weighted_lambda_max": Measure(
        weighted_lambda_max,
        "largest eigenvalue of |θ| H |θ|",
        BOUND,
        "the curvature of relative changes",
        True,
        True,
    ),
    "fisher_rao": Measure(
        fisher_rao,
        "√ of the mean of ⟨θ, ∇ℓᵢ⟩² over the examples",
        ROUNDING,
        "Liang et al. 2019, arXiv 1711.01530, definition 2",
        True,
        True,
        (),
        "examples",
    ),
    "width": Measure(
        width,
        "mean distance between the points left and right at which L is L(θ) + rise·(1 + L(θ)), along filter-normalized "
        "random directions",
        STANDARD,
        "directions of Li et al. 2018, arXiv 1712.09913",
        True,
        False,
        ("directions", "rise"),
        "nonzero weights",
    ),
}
