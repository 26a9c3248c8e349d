r"""Linear autoencoders, whose critical points and their indices are known in closed form.

The loss of x → W₂W₁x, p units wide, on data with covariance Σ of distinct eigenvalues λ₁ > … > λₙ is critical exactly where W₂W₁ projects
on the span of some eigenvectors U_I, |I| = q ≤ p (Baldi and Hornik, "Neural networks and principal component analysis:
learning from examples without local minima", Neural Networks 2, 1989, 53–58, facts 3 and 4), and every such point with I ≠ {1 … p} is a saddle.

Its index follows by writing the second variation $\|(\delta W_2 W_1 + W_2 \delta W_1) Σ^{1/2}\|^2 - 2⟨(1 - W_2 W_1)Σ, δW_2 δW_1⟩$
in the eigenvectors, where it falls into blocks of two variables, a of W₂ and b of W₁:

- a used unit i ∈ I and a direction k ∉ I: λᵢa² + λₖb² − 2λₖab, of determinant λₖ(λᵢ − λₖ): one negative eigenvalue where λₖ > λᵢ;
- two directions of I: λ(a + b)², one zero eigenvalue for each of the q² pairs, of the maps between the layers;
- an unused unit and k ∉ I: −2λₖab, one negative; an unused unit and k ∈ I: two zeros.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from landscape.critical import analyze_critical
from landscape.model import Model, build_model

SIZE, UNITS = 4, 2
VARIANCES = np.array([4.0, 2.5, 1.0, 0.5])
SETS = [chosen for count in range(UNITS + 1) for chosen in combinations(range(SIZE), count)]


def autoencoder(chosen: tuple[int, ...], mix: np.ndarray) -> Model:
    """Build the critical point of a set of principal directions, with the units mixed by an invertible matrix."""
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0]
    scores = np.linalg.qr(rng.standard_normal((12, SIZE)))[0]
    x = np.sqrt(len(scores)) * scores * np.sqrt(VARIANCES) @ vectors.T
    basis = np.zeros((SIZE, UNITS))
    basis[:, : len(chosen)] = vectors[:, list(chosen)]
    return build_model(
        nodes=[{"name": "encode", "op": "dense"}, {"name": "decode", "op": "dense"}],
        parameters={"encode.weight": np.linalg.inv(mix) @ basis.T, "decode.weight": basis @ mix},
        loss="mse",
        x_train=x,
        y_train=x,
    )


def inertia_of(chosen: tuple[int, ...]) -> list[int]:
    """Count positive, zero and negative eigenvalues by the closed form."""
    used, unused = len(chosen), UNITS - len(chosen)
    index = sum(1 for i in chosen for k in range(SIZE) if k not in chosen and VARIANCES[k] > VARIANCES[i])
    index += unused * (SIZE - used)
    zero = used**2 + 2 * used * unused
    return [2 * SIZE * UNITS - zero - index, zero, index]


@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: "".join(str(i + 1) for i in chosen) or "none")
@pytest.mark.parametrize("mix", [np.eye(UNITS), np.array([[1.0, 0.5], [-0.3, 0.8]])], ids=["plain", "mixed"])
def test_index_and_nullity_of_every_critical_point_are_the_closed_form(chosen, mix):
    record = analyze_critical(autoencoder(chosen, mix), surfaces=False)
    verdict = record.verdict
    best = chosen == tuple(range(UNITS))
    assert verdict["given"]["kind"] == verdict["kind"] == ("degenerate minimum" if best else "saddle")
    assert verdict["inertia"] == inertia_of(chosen)
    low, high = verdict["index_interval"]
    assert low == inertia_of(chosen)[2]
    assert high == low + inertia_of(chosen)[1]
    # What is left is the variance of the directions that are not kept, over the mean of the outputs.
    assert verdict["loss"] == pytest.approx(np.delete(VARIANCES, list(chosen)).sum() / SIZE)


@pytest.mark.parametrize("chosen", [(0,), (0, 2), (0, 1)])
def test_from_beside_it_the_same_point_is_found_nearby(chosen):
    model = autoencoder(chosen, np.eye(UNITS))
    moved = model.with_theta(model.theta + 1e-3 * np.random.default_rng(1).standard_normal(model.size))
    verdict = analyze_critical(moved, surfaces=False).verdict
    assert verdict["given"]["kind"] == "not critical"
    assert verdict["inertia"] == inertia_of(chosen)
    assert verdict["polish"]["distance"] < 0.02
