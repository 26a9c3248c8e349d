"""Convolutional and attending modules of PyTorch: outputs are the module's in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError
from tests.torch.test_from_torch import data, difference, draw, of, ops

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


class Block(nn.Module):
    """Two convolutions beside a skip, as torchvision's ResNets have them."""

    def __init__(self, channels: int, wide: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wide, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(wide, wide, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(wide, eps=1e-3)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, wide, 1, stride, bias=False), nn.BatchNorm2d(wide)
            )

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A small one of torchvision's kind."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Block(4, 4), Block(4, 4))
        self.layer2 = nn.Sequential(Block(4, 6, 2))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(x, 1))


class Shortcut(nn.Module):
    """The shortcut without parameters, of the ResNets for CIFAR."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 4, 3, 2, 1), nn.Linear(4, 3)

    def forward(self, x):
        x = F.relu(self.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1)))
        return self.fc(F.avg_pool2d(x, 2).mean([2, 3]))


class Tokens(nn.Module):
    """A causal transformer over ids, its head tied to its embedding."""

    def __init__(self, norm_first: bool, activation: str) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.place = nn.Parameter(torch.randn(1, 9, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 12, 0.1, activation, batch_first=True, norm_first=norm_first)
        norm = nn.LayerNorm(8) if norm_first else None
        self.encoder = nn.TransformerEncoder(layer, 2, norm, enable_nested_tensor=False)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(5))

    def forward(self, ids):
        x = self.embed(ids) + self.place[:, : ids.size(1)]
        return self.head(self.encoder(x, mask=self.mask, is_causal=True))


class Attending(nn.Module):
    """Attention by itself, beside a skip; places looked up by their number."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(11, 8), nn.Embedding(5, 8)
        self.attention = nn.MultiheadAttention(8, 4, batch_first=True)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 3)
        self.causal = causal

    def forward(self, ids):
        x = self.embed(ids) + self.place(torch.arange(ids.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(5) if self.causal else None
        attended, _ = self.attention(x, x, x, attn_mask=mask, need_weights=False)
        return self.head(self.norm(x + attended).mean(dim=1))


IMAGES = {
    "lenet": (
        nn.Sequential(
            nn.Conv2d(1, 3, 5, padding=2), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3),
            nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3),
        ),
        (1, 12, 11),
    ),
    "resnet": (ResNet(), (2, 9, 8)),
    "shortcut": (Shortcut(), (2, 8, 8)),
    "one_axis": (
        nn.Sequential(
            nn.Unflatten(1, (1, 20)), nn.Conv1d(1, 4, 5, 2, dilation=2, padding=3), nn.BatchNorm1d(4), nn.ReLU(),
            nn.Conv1d(4, 6, 3, groups=2, padding="same"), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3),
        ),
        (20,),
    ),
    "functions": (
        of(
            lambda s, x: s.b(F.max_pool2d(F.relu(F.conv2d(x, s.a.weight, None, 2, 1)), 2).view(x.shape[0], -1)),
            a=nn.Conv2d(2, 3, 3, bias=False), b=nn.Linear(12, 3),
        ),
        (2, 8, 8),
    ),
    "group_norms": (
        nn.Sequential(
            nn.Conv2d(2, 4, 2), nn.GroupNorm(2, 4, eps=0.1), nn.Tanh(), nn.InstanceNorm2d(4, affine=True), nn.ReLU(),
            nn.GroupNorm(1, 4, affine=False), nn.Flatten(), nn.Linear(48, 3),
        ),
        (2, 5, 4),
    ),
    "group_norms_as_functions": (
        of(
            lambda s, x: s.b(F.instance_norm(F.group_norm(s.a(x), 2, s.n.weight, s.n.bias, eps=0.2), eps=1e-3).flatten(1)),
            a=nn.Conv1d(2, 4, 2), n=nn.GroupNorm(2, 4), b=nn.Linear(16, 3),
        ),
        (2, 5),
    ),
    "instance_norm_of_sequences": (
        nn.Sequential(nn.Conv1d(2, 3, 2), nn.InstanceNorm1d(3), nn.Flatten(), nn.Linear(12, 3)), (2, 5),
    ),
    "average_kept": (
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 3, 1), nn.Flatten()), (2, 5, 4),
    ),
    "average_to_a_size": (nn.Sequential(nn.AdaptiveAvgPool2d((2, 1)), nn.Flatten(), nn.Linear(4, 3)), (2, 4, 4)),
    "grey_images_without_channels": (of(lambda s, x: s.a(x.unsqueeze(1)).flatten(1), a=nn.Conv2d(1, 3, 4)), (4, 4)),
    "dense_block": (
        of(
            lambda s, x: s.b(torch.cat((x, torch.tanh(s.a(x))), 1).mean((-1, -2))),
            a=nn.Conv2d(2, 3, 3, padding=1), b=nn.Linear(5, 3),
        ),
        (2, 5, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_a_convolutional_network_has_the_modules_outputs(name):
    module, shape = IMAGES[name]
    model = landscape.from_torch(draw(module), "cross_entropy", data(*shape))
    assert difference(model) < 1e-12
    assert model.size == sum(p.numel() for p in module.parameters())


def ids(length: int = 5) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 11, (7, length))


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_transformer_has_the_modules_outputs(norm_first, activation):
    module = draw(Tokens(norm_first, activation))
    model = landscape.from_torch(module, "cross_entropy", (ids(), ids()))
    assert difference(model) < 1e-12
    assert model.nodes[-1].parameters_of == "embed"
    # The last four places are never read.
    assert model.size == sum(p.numel() for p in module.parameters()) - 4 * 8
    assert {node.attributes["causal"] for node in model.nodes if node.op == "attention"} == {True}


@pytest.mark.parametrize("causal", [False, True])
def test_attention_by_itself_has_the_modules_outputs(causal):
    model = landscape.from_torch(draw(Attending(causal)), "cross_entropy", (ids(), np.arange(7) % 3))
    assert difference(model) < (1e-5 if causal else 1e-12)  # its mask is made in float32 whatever it runs in
    assert "position" in ops(model)


def attention(**settings: Any) -> Any:
    """Make a network of one attention that `attention` of the format is not."""
    mask = settings.pop("mask", None)
    module = nn.MultiheadAttention(8, 2, **{"batch_first": True} | settings)
    return of(lambda s, x: s.b(s.a(x, x, x, attn_mask=mask)[0]), a=module, b=nn.Linear(8, 3))


@pytest.mark.parametrize(
    "module",
    [
        attention(bias=False),
        attention(mask=torch.eye(5)),
        attention(mask=torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)),
        of(lambda s, x: s.b(s.a(x, 2 * x, x)[0]), a=nn.MultiheadAttention(8, 2, batch_first=True), b=nn.Linear(8, 3)),
        of(lambda s, x: s.a(x.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1))[0].transpose(0, 1)[..., :3], a=nn.MultiheadAttention(8, 2)),
        of(lambda s, x: s.a(x.permute(0, 2, 1))[:, :5], a=nn.Linear(5, 3)),
    ],
)  # fmt: skip
def test_attention_of_other_kinds_is_products_and_a_softmax(module):
    x = np.random.default_rng(0).standard_normal((7, 5, 8)).astype(np.float32)
    model = landscape.from_torch(draw(module), "mse", (x, np.zeros((7, 5, 3), np.float32)))
    # A mask that the module holds as a constant is in float32, and so is all that it is compared in.
    assert difference(model) < 1e-5
    assert model.size == sum(p.numel() for p in module.parameters())


def test_attention_over_the_examples_is_refused():
    x = np.random.default_rng(0).standard_normal((7, 5, 8)).astype(np.float32)
    with pytest.raises(InputError, match=r"a \(MultiheadAttention\): .*mixes the examples"):
        landscape.from_torch(attention(batch_first=False), "mse", (x, np.zeros((7, 5, 3), np.float32)))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="replicate"),
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(2, 3, 2, padding="same"),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(2, dilation=2, stride=1),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(2, padding=1, count_include_pad=False),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(2, divisor_override=3),
        nn.AdaptiveAvgPool2d(3),
        nn.AdaptiveMaxPool2d((2, 3)),
        nn.RMSNorm(4),
        nn.LocalResponseNorm(2),
        nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
        nn.ConvTranspose2d(2, 3, 2, dilation=2),
        nn.Upsample(scale_factor=2),
        nn.Upsample(size=(7, 3), mode="bilinear"),
        nn.Upsample(scale_factor=1.5, mode="bilinear", align_corners=True),
        nn.Upsample(scale_factor=2, mode="bicubic"),
        nn.ReflectionPad2d((1, 0, 2, 1)),
        nn.PixelUnshuffle(1),
        nn.ChannelShuffle(2),
        nn.PReLU(2),
        nn.GLU(1),
        nn.Softmax(1),
        nn.LogSoftmax(2),
    ],
    ids=lambda layer: str(layer),
)
def test_layers_of_many_settings_come_in(layer):
    width = layer(torch.zeros(1, 2, 5, 4)).numel()
    module = draw(nn.Sequential(nn.Conv2d(2, 2, 1), layer, nn.Flatten(), nn.Linear(width, 3)))
    model = landscape.from_torch(module, "cross_entropy", data(2, 5, 4))
    assert difference(model) < 1e-12
    assert model.size == sum(p.numel() for p in module.parameters())


def test_statistics_that_the_examples_do_not_have_alone_are_refused():
    for layer in (
        nn.BatchNorm2d(2, track_running_stats=False),
        nn.InstanceNorm2d(2, track_running_stats=True),
    ):
        with pytest.raises(InputError, match=rf"0 \({type(layer).__name__}\): .*statistics"):
            landscape.from_torch(
                nn.Sequential(layer, nn.Flatten(), nn.Linear(40, 3)), "cross_entropy", data(2, 5, 4)
            )
