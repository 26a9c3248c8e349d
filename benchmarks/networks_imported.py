"""The networks of `networks.py` that come in by `from_torch`: as people write them, with layouts, gates, products of values and loops over time."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

F = nn.functional


class Inverted(nn.Module):
    """An inverted residual of MobileNetV2 (Sandler et al. 2018)."""

    def __init__(self, before: int, after: int, stride: int, times: int) -> None:
        super().__init__()
        hidden = before * times
        layers: list[nn.Module] = []
        if times > 1:
            layers += [
                nn.Conv2d(before, hidden, 1, bias=False),
                nn.BatchNorm2d(hidden),
                nn.ReLU6(inplace=True),
            ]
        layers += [
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, after, 1, bias=False), nn.BatchNorm2d(after),
        ]  # fmt: skip
        self.conv, self.same = nn.Sequential(*layers), stride == 1 and before == after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.same else self.conv(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 of half the width, for images of 32 × 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(inplace=True)
        )
        stages = (
            (1, 8, 1, 1),
            (6, 16, 2, 1),
            (6, 16, 3, 2),
            (6, 32, 4, 2),
            (6, 48, 3, 1),
            (6, 80, 3, 2),
            (6, 160, 1, 1),
        )
        blocks, width = [], 16
        for times, after, count, stride in stages:
            for number in range(count):
                blocks.append(Inverted(width, after, stride if number == 0 else 1, times))
                width = after
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.Conv2d(width, 640, 1, bias=False), nn.BatchNorm2d(640), nn.ReLU6(inplace=True)
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(640, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.head(self.blocks(self.stem(x)))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Gated(nn.Module):
    """A residual block with a gate for each channel (squeeze and excitation, Hu et al. 2018)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.squeeze, self.excite = nn.Conv2d(after, after // 4, 1), nn.Conv2d(after // 4, after, 1)
        self.short = nn.Conv2d(before, after, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(y.mean((2, 3), keepdim=True)))))
        return F.relu(y * gate + self.short(x))


class GatedResNet(nn.Module):
    """A ResNet of 14 layers with gates, for images of 32 × 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        widths = ((16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1))
        self.blocks, self.fc = nn.Sequential(*(Gated(*width) for width in widths)), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


class SelfAttention(nn.Module):
    """Attention written out, as minGPT does: one projection, views, a product, a mask, a softmax, a product."""

    def __init__(self, width: int, heads: int, tokens: int, *, causal: bool) -> None:
        super().__init__()
        self.qkv, self.proj, self.heads, self.causal = (
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
            heads,
            causal,
        )
        self.register_buffer("seen", torch.tril(torch.ones(tokens, tokens)).view(1, 1, tokens, tokens))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, t, c = x.size()
        q, k, v = (
            part.view(n, t, self.heads, c // self.heads).transpose(1, 2)
            for part in self.qkv(x).split(c, dim=2)
        )
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        if self.causal:
            scores = scores.masked_fill(self.seen[:, :, :t, :t] == 0, float("-inf"))
        return self.proj((F.softmax(scores, dim=-1) @ v).transpose(1, 2).contiguous().view(n, t, c))


class Layer(nn.Module):
    """A layer of a transformer, normalization first."""

    def __init__(self, width: int, heads: int, tokens: int, *, causal: bool) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, tokens, causal=causal)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    """A causal language model of two layers, written by hand, with the output's weight that of the embedding."""

    def __init__(self, vocabulary: int = 64, tokens: int = 64, width: int = 64) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(tokens, width)
        self.h = nn.ModuleList(Layer(width, 4, tokens, causal=True) for _ in range(2))
        self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.size(1)))
        for layer in self.h:
            x = layer(x)
        return self.head(self.ln(x))


class ViT(nn.Module):
    """A vision transformer of two layers on patches of 4 × 4, with a class token."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 65, width))
        self.layers = nn.ModuleList(Layer(width, 4, 65, causal=False) for _ in range(2))
        self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(self.ln(x)[:, 0])


class Recurrent(nn.Module):
    """A classifier of sequences by an LSTM's last output."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(16, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.lstm(x)[0][:, -1])


def double(before: int, after: int) -> nn.Sequential:
    """Make the two convolutions of a level."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True),
        nn.Conv2d(after, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True),
    )  # fmt: skip


class UNet(nn.Module):
    """A U-Net of two levels (Ronneberger et al. 2015), which gives a class to each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.bottom = double(3, 16), double(16, 32), double(32, 64)
        self.up2, self.up1 = nn.ConvTranspose2d(64, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)
        self.join2, self.join1, self.head = double(64, 32), double(32, 16), nn.Conv2d(16, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = self.down1(x)
        two = self.down2(F.max_pool2d(one, 2))
        deep = self.bottom(F.max_pool2d(two, 2))
        two = self.join2(torch.cat([self.up2(deep), two], dim=1))
        return self.head(self.join1(torch.cat([self.up1(two), one], dim=1)))


def images(count: int) -> torch.Tensor:
    """Draw images, channels last."""
    return torch.randn(count, 3, 32, 32).to(memory_format=torch.channels_last)


def classes(*shape: int, count: int = 10) -> torch.Tensor:
    """Draw classes."""
    return torch.randint(0, count, shape)


# A module, its examples and its targets, by a name of one word.
IMPORTED: dict[str, Any] = {
    "mobilenet": lambda: (MobileNetV2(), images(256), classes(256)),
    "gated": lambda: (GatedResNet(), images(512), classes(512)),
    "gpt": lambda: (GPT(), classes(256, 64, count=64), classes(256, 64, count=64)),
    "vit": lambda: (ViT(), images(256), classes(256)),
    "lstm": lambda: (Recurrent(), torch.randn(512, 28, 16), classes(512)),
    "unet": lambda: (UNet(), images(128), classes(128, 32, 32, count=4)),
}
