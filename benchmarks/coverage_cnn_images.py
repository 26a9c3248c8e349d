"""Convolutional networks that put out images or make them, and those that read volumes, series or texts."""

from __future__ import annotations

from typing import Any

import torch
from coverage_common import Case, N, Net, classified, measured, network, worded
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

F = nn.functional

CE, MSE = nn.CrossEntropyLoss, nn.MSELoss


def double_conv(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.Conv2d(after, after, 3, padding=1), nn.ReLU()
    )


@network
def cnn_unet_transpose() -> Case:
    def forward(net: Any, x: Any) -> Any:
        skip = net.down(x)
        low = net.bottom(F.max_pool2d(skip, 2))
        return net.out(net.merge(torch.cat([net.up(low), skip], dim=1)))

    parts = {
        "down": double_conv(1, 4),
        "bottom": double_conv(4, 8),
        "up": nn.ConvTranspose2d(8, 4, 2, stride=2),
        "merge": double_conv(8, 4),
    }
    return Net(forward, **parts, out=nn.Conv2d(4, 1, 1)), MSE(), measured(1, 8, 8, outputs=(1, 8, 8))


@network
def cnn_unet_upsample() -> Case:
    def forward(net: Any, x: Any) -> Any:
        skip = torch.relu(net.down(x))
        low = torch.relu(net.bottom(F.max_pool2d(skip, 2)))
        return net.merge(torch.cat([net.up(low), skip], dim=1))

    up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    parts = {
        "down": nn.Conv2d(1, 4, 3, padding=1),
        "bottom": nn.Conv2d(4, 8, 3, padding=1),
        "merge": nn.Conv2d(12, 1, 3, padding=1),
    }
    return Net(forward, **parts, up=up), MSE(), measured(1, 8, 8, outputs=(1, 8, 8))


@network
def cnn_unet_nearest() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = torch.relu(net.down(x))
        return net.out(F.interpolate(h, scale_factor=2, mode="nearest"))

    parts = {"down": nn.Conv2d(1, 4, 3, stride=2, padding=1), "out": nn.Conv2d(4, 1, 3, padding=1)}
    return Net(forward, **parts), MSE(), measured(1, 8, 8, outputs=(1, 8, 8))


@network
def cnn_segmentation_ce() -> Case:
    module = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1))
    return module, CE(), (torch.randn(N, 1, 8, 8), torch.randint(0, 3, (N, 8, 8)))


@network
def cnn_denoiser_dncnn() -> Case:
    layers = [
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
    ]
    body = nn.Sequential(*layers, nn.Conv2d(8, 1, 3, padding=1))
    return Net(lambda net, x: x + net.body(x), body=body), MSE(), measured(1, 8, 8, outputs=(1, 8, 8))


@network
def cnn_autoencoder_conv() -> Case:
    encoder = [nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU()]
    decoder = [
        nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 1, 3, 2, 1, output_padding=1),
    ]
    x = torch.rand(N, 1, 8, 8)
    return nn.Sequential(*encoder, *decoder, nn.Sigmoid()), MSE(), (x, x.clone())


@network
def cnn_super_resolution_pixelshuffle() -> Case:
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.PixelShuffle(2)
    )
    return module, MSE(), measured(1, 4, 4, outputs=(1, 8, 8))


@network
def cnn_gan_discriminator_dcgan() -> Case:
    layers = [
        nn.Conv2d(3, 8, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(8, 16, 4, 2, 1, bias=False),
    ]
    layers += [
        nn.BatchNorm2d(16),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(16, 1, 2, bias=False),
        nn.Sigmoid(),
    ]
    return (
        nn.Sequential(*layers),
        nn.BCELoss(),
        (torch.randn(N, 3, 8, 8), torch.randint(0, 2, (N, 1, 1, 1)).float()),
    )


@network
def cnn_gan_generator_dcgan() -> Case:
    layers = [nn.ConvTranspose2d(8, 12, 4, 1, 0, bias=False), nn.BatchNorm2d(12), nn.ReLU(True)]
    layers += [nn.ConvTranspose2d(12, 3, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers), MSE(), measured(8, 1, 1, outputs=(3, 8, 8))


@network
def cnn_conv3d() -> Case:
    layers = [
        nn.Conv3d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    ]
    return nn.Sequential(*layers), CE(), classified(1, 4, 6, 6)


@network
def cnn_1d_timeseries() -> Case:
    layers = [
        nn.Conv1d(2, 8, 3, padding=1),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(8, 16, 3, padding=1),
        nn.ReLU(),
    ]
    return nn.Sequential(*layers, nn.MaxPool1d(2), nn.Flatten(), nn.Linear(64, 3)), CE(), classified(2, 16)


@network
def cnn_1d_fcn() -> Case:
    layers = [
        nn.Conv1d(2, 8, 5, padding=2),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Conv1d(8, 12, 3, padding=1),
        nn.BatchNorm1d(12),
        nn.ReLU(),
    ]
    return (
        nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(12, 3)),
        CE(),
        classified(2, 16),
    )


@network
def cnn_1d_unsqueeze_avgpool() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = net.pool(torch.relu(net.conv(x.unsqueeze(1))))
        return net.fc(h.flatten(1))

    return (
        Net(forward, conv=nn.Conv1d(1, 6, 3, padding=1), pool=nn.AvgPool1d(2), fc=nn.Linear(48, 3)),
        CE(),
        classified(16),
    )


class Chomp(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Any) -> Any:
        return x[:, :, : -self.size].contiguous()


class TemporalBlock(nn.Module):
    def __init__(self, before: int, after: int, dilation: int) -> None:
        super().__init__()
        conv1 = weight_norm(nn.Conv1d(before, after, 3, padding=2 * dilation, dilation=dilation))
        conv2 = weight_norm(nn.Conv1d(after, after, 3, padding=2 * dilation, dilation=dilation))
        self.net = nn.Sequential(
            conv1, Chomp(2 * dilation), nn.ReLU(), nn.Dropout(0.2), conv2, Chomp(2 * dilation), nn.ReLU()
        )
        self.downsample = nn.Conv1d(before, after, 1)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.net(x) + self.downsample(x))


@network
def cnn_tcn() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.fc(net.blocks(x)[:, :, -1])

    blocks = nn.Sequential(TemporalBlock(2, 5, 1), TemporalBlock(5, 5, 2))
    return Net(forward, blocks=blocks, fc=nn.Linear(5, 3)), CE(), classified(2, 12)


@network
def cnn_wavenet_causal() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = net.first(x)
        for layer, dilation in zip(net.layers, (1, 2), strict=True):
            h = h + torch.tanh(layer(F.pad(h, (dilation, 0))))
        return net.last(h)

    layers = nn.ModuleList(nn.Conv1d(3, 3, 2, dilation=dilation) for dilation in (1, 2))
    return (
        Net(forward, first=nn.Conv1d(1, 3, 1), layers=layers, last=nn.Conv1d(3, 1, 1)),
        MSE(),
        measured(1, 12, outputs=(1, 12)),
    )


@network
def cnn_textcnn() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        x = net.embedding(ids).permute(0, 2, 1)
        found = [F.max_pool1d(F.relu(conv(x)), conv(x).size(2)).squeeze(2) for conv in net.convs]
        return net.fc(torch.cat(found, dim=1))

    convs = nn.ModuleList(nn.Conv1d(6, 4, width) for width in (2, 3, 4))
    return Net(forward, embedding=nn.Embedding(12, 6), convs=convs, fc=nn.Linear(12, 3)), CE(), worded(8, 12)


class SpectralConv(nn.Module):
    """The lowest frequencies of a series, mixed by complex weights, of which the parts are real parameters."""

    def __init__(self, width: int, modes: int) -> None:
        super().__init__()
        self.modes = modes
        self.weight = nn.Parameter(0.3 * torch.randn(width, width, modes, 2))

    def forward(self, x: Any) -> Any:
        batch, width, length = x.shape
        found = torch.fft.rfft(x)
        mixed = torch.zeros(batch, width, length // 2 + 1, dtype=found.dtype)
        weight = torch.view_as_complex(self.weight)
        mixed[:, :, : self.modes] = torch.einsum("bix,iox->box", found[:, :, : self.modes], weight)
        return torch.fft.irfft(mixed, n=length)


@network
def cnn_fno1d() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = net.lift(x)
        return net.project(F.gelu(net.spectral(h) + net.pointwise(h)))

    parts = {
        "lift": nn.Conv1d(1, 4, 1),
        "spectral": SpectralConv(4, 3),
        "pointwise": nn.Conv1d(4, 4, 1),
        "project": nn.Conv1d(4, 1, 1),
    }
    return Net(forward, **parts), MSE(), measured(1, 16, outputs=(1, 16))
