"""Networks that make data: autoencoders, a generator, a denoiser with its time, a flow."""

from __future__ import annotations

from typing import Any

import torch
from coverage_common import Case, N, Net, measured, mlp, network
from torch import nn

F = nn.functional


@network
def ae_mlp() -> Case:
    x = torch.rand(N, 10)
    encoder, decoder = mlp(10, 12, 3), mlp(3, 12, 10)
    return nn.Sequential(encoder, nn.ReLU(), decoder, nn.Sigmoid()), nn.MSELoss(), (x, x.clone())


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(20, 12), nn.Linear(12, 4), nn.Linear(12, 4)
        self.fc3, self.fc4 = nn.Linear(4, 12), nn.Linear(12, 20)

    def encode(self, x: Any) -> tuple[Any, Any]:
        h = F.relu(self.fc1(x))
        return self.fc21(h), self.fc22(h)

    def reparameterize(self, mean: Any, log_variance: Any) -> Any:
        if not self.training:
            return mean
        return mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)

    def decode(self, z: Any) -> Any:
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x: Any) -> tuple[Any, Any, Any]:
        mean, log_variance = self.encode(x.view(-1, 20))
        return self.decode(self.reparameterize(mean, log_variance)), mean, log_variance


def evidence(outputs: Any, x: Any) -> Any:
    """The negated bound on the evidence, a mean over examples."""
    reconstructed, mean, log_variance = outputs
    entropy = F.binary_cross_entropy(reconstructed, x, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return (entropy + divergence) / len(x)


@network
def vae() -> Case:
    x = torch.rand(N, 20)
    return VAE(), evidence, (x, x.clone())


@network
def vae_recon_only_noise() -> Case:
    """The noise is drawn anew at each call, in evaluation as well."""

    def forward(net: Any, x: Any) -> Any:
        h = torch.relu(net.encoder(x))
        mean, log_variance = net.mean(h), net.log_variance(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return net.decoder(z)

    x = torch.rand(N, 10)
    parts = {"encoder": nn.Linear(10, 8), "mean": nn.Linear(8, 3), "log_variance": nn.Linear(8, 3)}
    return Net(forward, **parts, decoder=mlp(3, 8, 10)), nn.MSELoss(), (x, x.clone())


@network
def gan_mlp_generator() -> Case:
    layers = [
        nn.Linear(4, 16),
        nn.LeakyReLU(0.2),
        nn.Linear(16, 16),
        nn.BatchNorm1d(16),
        nn.LeakyReLU(0.2),
        nn.Linear(16, 10),
        nn.Tanh(),
    ]
    return nn.Sequential(*layers), nn.MSELoss(), measured(4, outputs=(10,))


@network
def diffusion_mlp_time() -> Case:
    """The last number of an example is the time, which is embedded and added."""

    def forward(net: Any, x: Any) -> Any:
        point, time = x[:, :2], x[:, 2:]
        h = F.silu(net.point(point) + net.time(time))
        return net.out(F.silu(h))

    parts = {"point": nn.Linear(2, 16), "time": nn.Linear(1, 16), "out": nn.Linear(16, 2)}
    return Net(forward, **parts), nn.MSELoss(), measured(3, outputs=(2,))


@network
def realnvp_coupling() -> Case:
    def forward(net: Any, x: Any) -> Any:
        a, b = x.chunk(2, dim=1)
        b = b * torch.exp(torch.tanh(net.scale(a))) + net.shift(a)
        a = a * torch.exp(torch.tanh(net.scale_back(b))) + net.shift_back(b)
        return torch.cat([a, b], dim=1)

    layers = {name: nn.Linear(3, 3) for name in ("scale", "shift", "scale_back", "shift_back")}
    return Net(forward, **layers), nn.MSELoss(), measured(6, outputs=(6,))
