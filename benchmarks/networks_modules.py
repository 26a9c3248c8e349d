"""Networks of PyTorch that write down the nodes of their model themselves: a ResNet, LeNet and a causal transformer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

F = nn.functional


def node(name: str, op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    """Write a node of a header."""
    return {"name": name, "op": op, **({"inputs": list(inputs)} if inputs else {}), **attributes}


class Block(nn.Module):
    """A block of the CIFAR ResNets, whose shortcut has no parameters."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.stride, self.more = stride, (after - before) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        return F.relu(y + (short if self.more else x))

    def nodes(self, name: str, before: str) -> list[dict[str, Any]]:
        """Write the block's nodes; the output is `<name>.out`."""
        stride = self.stride
        short = [
            node(f"{name}.short", "pad_channels", before, before=self.more, after=self.more, stride=stride)
        ]
        return [
            node(f"{name}.conv1", "conv2d", before, stride=stride, padding=1),
            node(f"{name}.bn1", "batchnorm"),
            node(f"{name}.act", "relu"),
            node(f"{name}.conv2", "conv2d", padding=1),
            node(f"{name}.bn2", "batchnorm"),
            *(short if self.more else []),
            node(f"{name}.sum", "add", f"{name}.bn2", short[0]["name"] if self.more else before),
            node(f"{name}.out", "relu"),
        ]


class ResNet20(nn.Module):
    """The CIFAR ResNet of 20 layers (He et al. 2016), with batch normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        widths = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.ModuleList(Block(*width) for width in widths)
        self.fc = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean(dim=(2, 3)))

    def nodes(self) -> list[dict[str, Any]]:
        """Write the header's nodes, named as the parameters are."""
        result = [node("conv1", "conv2d", padding=1), node("bn1", "batchnorm"), node("act", "relu")]
        for number, block in enumerate(self.blocks):
            result += block.nodes(f"blocks.{number}", result[-1]["name"])
        return [*result, node("pool", "globalavgpool"), node("fc", "dense")]


class LeNet(nn.Sequential):
    """Two convolutions, two pools, three dense layers."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip

    def nodes(self) -> list[dict[str, Any]]:
        """Write the header's nodes, named as the parameters are."""
        ops = [
            "conv2d",
            "relu",
            "maxpool2d",
            "conv2d",
            "relu",
            "maxpool2d",
            "flatten",
            "dense",
            "relu",
            "dense",
            "relu",
            "dense",
        ]
        more: dict[int, dict[str, int]] = {0: {"padding": 2}, 2: {"kernel": 2}, 5: {"kernel": 2}}
        return [node(str(i), op, **more.get(i, {})) for i, op in enumerate(ops)]


class Layer(nn.Module):
    """A transformer's layer, normalization first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        attention, z = self.attention, self.ln1(x)
        parts = F.linear(z, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + attention.out_proj(mixed)
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class Transformer(nn.Module):
    """A causal language model of two layers."""

    def __init__(self, vocabulary: int = 64, tokens: int = 64, width: int = 64, heads: int = 4) -> None:
        super().__init__()
        self.embedding, self.heads = nn.Embedding(vocabulary, width), heads
        self.position = nn.ParameterDict({"weight": nn.Parameter(0.1 * torch.randn(tokens, width))})
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(2))
        self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids) + self.position["weight"]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.ln(x))

    def nodes(self) -> list[dict[str, Any]]:
        """Write the header's nodes, named as the parameters are."""
        result = [node("embedding", "embedding"), node("position", "position")]
        for number in range(2):
            name, before = f"layers.{number}.", result[-1]["name"]
            result += [
                node(f"{name}ln1", "layernorm"),
                node(f"{name}attention", "attention", heads=self.heads, causal=True),
                node(f"{name}mixed", "add", before, f"{name}attention"),
                node(f"{name}ln2", "layernorm"),
                node(f"{name}up", "dense"),
                node(f"{name}act", "gelu"),
                node(f"{name}down", "dense"),
                node(f"{name}out", "add", f"{name}mixed", f"{name}down"),
            ]
        return [*result, node("ln", "layernorm"), node("head", "dense")]
