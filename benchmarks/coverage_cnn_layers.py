"""Convolutional networks that classify images, each with a norm, a pool or a padding of another kind."""

from __future__ import annotations

from typing import Any

import torch
from coverage_common import Case, Net, classified, head, network
from torch import nn

F = nn.functional

CE = nn.CrossEntropyLoss
SMALL = (3, 8, 8)


def after_one_convolution(*layers: nn.Module, classes: int = 10) -> Case:
    """A convolution to eight channels, these layers, and a head."""
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *layers, *head(8, classes))
    return module, CE(), classified(*SMALL, classes=classes)


@network
def cnn_groupnorm() -> Case:
    return after_one_convolution(nn.GroupNorm(4, 8), nn.ReLU())


@network
def cnn_instancenorm() -> Case:
    return after_one_convolution(nn.InstanceNorm2d(8, affine=True), nn.ReLU())


@network
def cnn_batchnorm_no_stats() -> Case:
    return after_one_convolution(nn.BatchNorm2d(8, track_running_stats=False), nn.ReLU())


@network
def cnn_adaptive_2x2() -> Case:
    layers = [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((2, 2)),
        nn.Flatten(),
        nn.Linear(32, 10),
    ]
    return nn.Sequential(*layers), CE(), classified(*SMALL, classes=10)


@network
def cnn_adaptive_3x3_of_8() -> Case:
    layers = [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((3, 3)),
        nn.Flatten(),
        nn.Linear(72, 10),
    ]
    return nn.Sequential(*layers), CE(), classified(*SMALL, classes=10)


@network
def cnn_adaptive_maxpool() -> Case:
    layers = [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    ]
    return nn.Sequential(*layers), CE(), classified(*SMALL, classes=10)


@network
def cnn_maxpool_ceil() -> Case:
    layers = [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Flatten(),
        nn.Linear(128, 10),
    ]
    return nn.Sequential(*layers), CE(), classified(*SMALL, classes=10)


@network
def cnn_all_conv_mean() -> Case:
    def forward(net: Any, x: Any) -> Any:
        return net.body(x).mean(dim=(2, 3))

    body = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 10, 1)
    )
    return Net(forward, body=body), CE(), classified(*SMALL, classes=10)


@network
def cnn_global_mean_keepdim() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = torch.relu(net.conv(x)).mean(dim=[2, 3], keepdim=True)
        return net.fc(torch.flatten(h, 1))

    return (
        Net(forward, conv=nn.Conv2d(3, 8, 3, padding=1), fc=nn.Linear(8, 10)),
        CE(),
        classified(*SMALL, classes=10),
    )


@network
def cnn_F_pad() -> Case:  # noqa: N802
    def forward(net: Any, x: Any) -> Any:
        return net.head(torch.relu(net.conv(F.pad(x, (0, 1, 0, 1)))))

    return (
        Net(forward, conv=nn.Conv2d(3, 8, 3, stride=2), head=nn.Sequential(*head(8))),
        CE(),
        classified(*SMALL, classes=10),
    )


@network
def cnn_reflect_padding() -> Case:
    layers = [nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"), nn.ReLU()]
    return nn.Sequential(*layers, *head(8)), CE(), classified(*SMALL, classes=10)


class ConvNeXtBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(width, width, 7, padding=3, groups=width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(1e-2 * torch.ones(width))

    def forward(self, x: Any) -> Any:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.down(F.gelu(self.up(y)))
        return x + y.permute(0, 3, 1, 2)


@network
def cnn_convnext_block() -> Case:
    return (
        nn.Sequential(nn.Conv2d(3, 8, 2, stride=2), ConvNeXtBlock(8), *head(8)),
        CE(),
        classified(*SMALL, classes=10),
    )
