"""On a card a `TorchObjective` gives the CPU's numbers, and leaves the module there."""

from __future__ import annotations

import numpy as np
import pytest

from landscape import TorchObjective, scan
from tests.torch.test_torch_objective import BOTH, data

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.gpu]


@pytest.fixture(autouse=True)
def card():
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU that PyTorch can use")


@pytest.mark.parametrize("name", BOTH)
def test_numbers_on_a_card_are_those_of_the_cpu(name):
    build, shape = BOTH[name]
    torch.manual_seed(0)
    module = build().double()
    here = TorchObjective(module, "cross_entropy", data(*shape), batch_size=3)
    theta, v = here.theta, np.random.default_rng(0).standard_normal(here.size)
    expected = here.value(theta), here.gradient(theta), here.hvp(theta, v)
    curved = here.gauss_newton(theta, v[None])
    copied = TorchObjective(module, "cross_entropy", data(*shape), device="cuda", batch_size=3)
    state = torch.cuda.get_rng_state()
    moved = TorchObjective(module.cuda(), "cross_entropy", data(*shape), batch_size=3)
    for there in (copied, moved):
        assert there.device.startswith("cuda")
        assert there.value(theta) == pytest.approx(expected[0], abs=1e-10)
        assert np.allclose(there.gradient(theta), expected[1], rtol=0, atol=1e-10)
        assert np.allclose(there.hvp(theta, v), expected[2], rtol=0, atol=1e-10)
        assert np.allclose(there.gauss_newton(theta, v[None]), curved, rtol=0, atol=1e-10)
        record = scan(there, points=3, dimensions=1)
        assert record.values["train_loss"][1] == pytest.approx(expected[0], abs=1e-10)
        # Many points at once lie on the card too.
        if there.many is not None:
            points = there.host.as_wide(np.stack([theta, theta + 0.1 * v]))
            with there.host.lent():
                table = there.many(points)
            assert np.allclose(table[:, 0], there.values(points.cpu().numpy()), rtol=0, atol=1e-10)
    assert torch.equal(state, torch.cuda.get_rng_state())
    assert all(p.device.type == "cuda" for p in module.parameters())
