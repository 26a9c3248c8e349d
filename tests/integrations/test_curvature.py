"""Eigenvalues of networks from other packages are those of curvlinops' operator, a peer that shares no code with ours."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, eigsh

import landscape

torch = pytest.importorskip("torch")
curvlinops = pytest.importorskip(
    "curvlinops", reason="needs curvlinops-for-pytorch, of the extra [integrations]"
)
nn, F = torch.nn, torch.nn.functional
# What other packages warn of is theirs.
pytestmark = [pytest.mark.torch, pytest.mark.integrations, pytest.mark.filterwarnings("ignore")]

# Of ResNet-18 with its 11 million parameters the eigenvalues of a block are searched, and one product is of all.
BLOCK = {"resnet18": ("conv1", "layer1.0", "fc")}
# Parameters from which on an eigenpair is put to the peer's operator, in place of a search of its own.
LARGE = 50_000


@pytest.fixture(autouse=True)
def settings():
    """One thread, since products as small as these are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    # The fused path of attention that evaluation takes has no derivative forwards, which the peer asks for.
    torch.backends.mha.set_fastpath_enabled(False)
    yield
    torch.set_num_threads(before)
    torch.backends.mha.set_fastpath_enabled(True)


def resnet() -> tuple[Any, Any, Any]:
    models = pytest.importorskip(
        "torchvision.models", reason="needs torchvision, of the extra [integrations]"
    )
    return models.resnet18(num_classes=4), torch.randn(3, 3, 32, 32), torch.tensor([0, 1, 3])


def vit() -> tuple[Any, Any, Any]:
    models = pytest.importorskip(
        "torchvision.models", reason="needs torchvision, of the extra [integrations]"
    )
    net = models.VisionTransformer(
        image_size=16, patch_size=8, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=3
    )
    # Its head starts at zero, where the network is linear.
    nn.init.normal_(net.heads.head.weight, std=0.5)
    return net, torch.randn(6, 3, 16, 16), torch.arange(6) % 3


class Logits(nn.Module):
    """A language model that returns a row of logits for each token."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, tokens: Any) -> Any:
        return self.inner(input_ids=tokens).logits.flatten(0, 1)


def gpt2() -> tuple[Any, Any, Any]:
    transformers = pytest.importorskip(
        "transformers", reason="needs transformers, of the extra [integrations]"
    )
    config = transformers.GPT2Config(
        n_embd=8, n_layer=2, n_head=2, vocab_size=11, n_positions=6, attn_implementation="eager"
    )
    tokens = torch.randint(11, (4, 6))
    return Logits(transformers.GPT2LMHeadModel(config)), tokens, tokens.roll(-1, 1).flatten()


class Last(nn.Module):
    """Classes of the last state of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[0][:, -1])


def lstm() -> tuple[Any, Any, Any]:
    return Last(), torch.randn(6, 4, 3), torch.arange(6) % 3


class WrittenOut(nn.Module):
    """A layer normalization as sums and roots, for curvlinops.

    With PyTorch 2.13's own, curvlinops 3.0.1 gives products that differ from differences of gradients by 0.5 to 0.8 %; ours agree with these
    to 1e-11. Where that comes from was not looked for.
    """

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Any) -> Any:
        apart = x - x.mean(-1, keepdim=True)
        return apart / (apart.square().mean(-1, keepdim=True) + self.eps).sqrt() * self.weight + self.bias


def for_peer(module: Any) -> Any:
    """Copy a module, with its layer normalizations written out."""
    found = copy.deepcopy(module)
    for part in list(found.modules()):
        for name, child in list(part.named_children()):
            if isinstance(child, nn.LayerNorm):
                setattr(part, name, WrittenOut(child))
    return found


NETWORKS: dict[str, Callable[[], tuple[Any, Any, Any]]] = {
    "resnet18": resnet,
    "vit": vit,
    "gpt2": gpt2,
    "lstm": lstm,
}


def of_batch(module: Any, batch: Any) -> tuple[Any, int]:
    """All rows in one mean, also where there are several of an example."""
    return F.cross_entropy(module(batch[0]), batch[1].flatten()), len(batch[0])


def peer_of(kind: str, module: Any, names: tuple[str, ...], x: Any, y: Any) -> Callable[[Any], Any]:
    """Give the product of curvlinops' operator with a vector; its derivatives forwards want kernels that have some."""
    twin = for_peer(module)
    parameters = [p for name, p in twin.named_parameters() if name in names]
    operator = getattr(curvlinops, kind)(
        twin, nn.CrossEntropyLoss(), parameters, [(x, y)], check_deterministic=False
    )

    def product(vector: Any) -> Any:
        with (
            nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH),
            torch.backends.mkldnn.flags(enabled=False),
        ):
            return (operator @ torch.from_numpy(np.ascontiguousarray(vector))).detach().numpy()

    return product


@pytest.mark.parametrize("name", NETWORKS)
def test_the_largest_eigenvalues_are_those_of_curvlinops(name):
    torch.manual_seed(0)
    module, x, y = NETWORKS[name]()
    module = module.double().eval()
    x = x.double() if x.is_floating_point() else x
    ours = landscape.TorchObjective(
        module, None, (x, y.view(len(x), -1)), batch_loss=of_batch, parameters=BLOCK.get(name)
    )
    record = landscape.analyze_hessian(ours, top=2, bottom=0, tolerance=1e-6)
    product = peer_of("HessianLinearOperator", module, ours.names, x, y)
    scale = float(np.max(record.eigenvalues))
    if ours.size < LARGE:
        operator = LinearOperator((ours.size, ours.size), product, dtype=np.float64)
        peer = eigsh(operator, k=2, which="LA", tol=1e-9)[0]
        assert np.allclose(np.sort(record.eigenvalues), np.sort(peer), rtol=0, atol=1e-5 * scale)
    # By Weyl the operator has an eigenvalue within the length of what a unit vector leaves.
    for value, vector in zip(record.eigenvalues, record.eigenvectors, strict=True):
        assert np.linalg.norm(product(vector) - value * vector) <= 1e-5 * scale


def test_a_product_of_all_parameters_of_a_resnet_is_that_of_curvlinops():
    torch.manual_seed(0)
    module, x, y = resnet()
    module, x = module.double().eval(), x.double()
    ours = landscape.TorchObjective(module, nn.CrossEntropyLoss(), (x, y))
    vector = np.random.default_rng(0).standard_normal(ours.size)
    theirs = peer_of("HessianLinearOperator", module, ours.names, x, y)(vector)
    assert np.linalg.norm(ours.hvp(ours.theta, vector) - theirs) <= 1e-10 * np.linalg.norm(theirs)


@pytest.mark.parametrize("name", ["vit", "lstm"])
def test_gauss_newton_products_are_those_of_curvlinops(name):
    torch.manual_seed(0)
    module, x, y = NETWORKS[name]()
    module, x = module.double().eval(), x.double()
    ours = landscape.TorchObjective(module, nn.CrossEntropyLoss(), (x, y))
    vector = np.random.default_rng(0).standard_normal(ours.size)
    theirs = peer_of("GGNLinearOperator", module, ours.names, x, y)(vector)
    found = ours.gauss_newton(ours.theta, vector[None])[0]
    assert np.allclose(found, theirs, rtol=0, atol=1e-10 * np.abs(theirs).max())
