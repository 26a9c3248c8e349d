"""Convolutional networks that classify images: of digits, residual, with branches and gates."""

from __future__ import annotations

from typing import Any

import torch
from coverage_common import Case, classified, head, network
from torch import nn

F = nn.functional

CE = nn.CrossEntropyLoss
SMALL = (3, 8, 8)


@network
def cnn_lenet5() -> Case:
    layers = [
        nn.Conv2d(1, 6, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
    ]
    layers += [nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*layers), CE(), classified(1, 28, 28, classes=10)


class MnistExample(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, 1), nn.Conv2d(8, 16, 3, 1)
        self.dropout1, self.dropout2 = nn.Dropout(0.25), nn.Dropout(0.5)
        self.fc1, self.fc2 = nn.Linear(2304, 32), nn.Linear(32, 10)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(self.dropout1(F.max_pool2d(x, 2)), 1)
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


@network
def cnn_pytorch_mnist_example() -> Case:
    return MnistExample(), F.nll_loss, classified(1, 28, 28, classes=10)


class OldMnist(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.drop = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5), nn.Dropout2d()
        self.fc1, self.fc2 = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x: Any) -> Any:
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2))
        x = F.relu(self.fc1(x.view(-1, 320)))
        return F.log_softmax(self.fc2(F.dropout(x, training=self.training)), dim=1)


@network
def cnn_old_mnist_dropout2d() -> Case:
    return OldMnist(), F.nll_loss, classified(1, 28, 28, classes=10)


@network
def cnn_vgg_like() -> Case:
    layers: list[nn.Module] = []
    for before, after in ((3, 8), (8, 16)):
        layers += [
            nn.Conv2d(before, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2, 2),
        ]
    layers += [nn.Flatten(), nn.Linear(256, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 10)]
    return nn.Sequential(*layers), CE(), classified(3, 16, 16, classes=10)


class BasicBlock(nn.Module):
    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Any) -> Any:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        out += self.shortcut(x)
        return F.relu(out)


class KuangliuResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.layer1, self.layer2, self.linear = BasicBlock(8, 8), BasicBlock(8, 16, 2), nn.Linear(16, 10)

    def forward(self, x: Any) -> Any:
        out = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        out = F.avg_pool2d(out, 4)
        out = out.view(out.size(0), -1)
        return self.linear(out)


@network
def cnn_resnet_kuangliu() -> Case:
    return KuangliuResNet(), CE(), classified(*SMALL, classes=10)


@network
def cnn_resnet_adaptive() -> Case:
    stem = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)]
    tail = [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(16, 10)]
    return nn.Sequential(*stem, BasicBlock(8, 16, 2), *tail), CE(), classified(*SMALL, classes=10)


class Inception(nn.Module):
    def __init__(self, before: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(before, 4, 1)
        self.three = nn.Sequential(nn.Conv2d(before, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, padding=1))
        self.five = nn.Sequential(nn.Conv2d(before, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(before, 4, 1))

    def forward(self, x: Any) -> Any:
        return torch.relu(torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1))


@network
def cnn_inception() -> Case:
    return (
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), Inception(8), *head(20)),
        CE(),
        classified(*SMALL, classes=10),
    )


class DenseLayer(nn.Module):
    def __init__(self, before: int, growth: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(before), nn.Conv2d(before, growth, 3, padding=1, bias=False)

    def forward(self, features: list[Any]) -> Any:
        return self.conv(F.relu(self.norm(torch.cat(features, 1))))


class DenseBlock(nn.Module):
    def __init__(self, before: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(before + i * growth, growth) for i in range(layers))

    def forward(self, x: Any) -> Any:
        features = [x]
        for layer in self.layers:
            features.append(layer(features))
        return torch.cat(features, 1)


@network
def cnn_densenet() -> Case:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        DenseBlock(8, 6, 3),
        nn.BatchNorm2d(26),
        nn.ReLU(),
        *head(26),
    )
    return module, CE(), classified(*SMALL, classes=10)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        hidden = channels // reduction
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Any) -> Any:
        b, c, _, _ = x.size()
        y = self.fc(self.pool(x).view(b, c)).view(b, c, 1, 1)
        return x * y.expand_as(x)


@network
def cnn_squeeze_excite() -> Case:
    return (
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), SqueezeExcite(8, 2), *head(8, 3)),
        CE(),
        classified(*SMALL),
    )


@network
def cnn_depthwise_separable() -> Case:
    layers = [
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 16, 1),
        nn.ReLU(),
    ]
    return nn.Sequential(*layers, *head(16)), CE(), classified(*SMALL, classes=10)


class InvertedResidual(nn.Module):
    def __init__(self, width: int, expand: int) -> None:
        super().__init__()
        hidden = width * expand
        self.conv = nn.Sequential(
            nn.Conv2d(width, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, width, 1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return x + self.conv(x)


@network
def cnn_mobilenetv2_block() -> Case:
    return (
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), InvertedResidual(8, 4), *head(8)),
        CE(),
        classified(*SMALL, classes=10),
    )
