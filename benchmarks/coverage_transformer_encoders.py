"""Transformers that classify texts and images, with PyTorch's encoder or without."""

from __future__ import annotations

import math
from typing import Any

import torch
from coverage_common import Case, Net, classified, continued, mlp, network, worded
from coverage_transformer import HEADS, LENGTH, WIDTH, WORDS, Block
from torch import nn

F = nn.functional

CE = nn.CrossEntropyLoss
IMAGE = (3, 8, 8)


def encoder(layers: int = 2, batch_first: bool = True) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 32, dropout=0.1, batch_first=batch_first)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


@network
def transformer_encoder_classifier() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        return net.fc(net.encoder(net.embedding(ids)).mean(dim=1))

    return (
        Net(forward, embedding=nn.Embedding(WORDS, WIDTH), encoder=encoder(), fc=nn.Linear(WIDTH, 3)),
        CE(),
        worded(LENGTH, WORDS),
    )


def waves(length: int) -> Any:
    """Sines and cosines of places, [length, WIDTH]."""
    place = torch.arange(length).unsqueeze(1)
    rate = torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10000.0) / WIDTH))
    table = torch.zeros(length, WIDTH)
    table[:, 0::2], table[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate)
    return table


class PositionalEncoding(nn.Module):
    def __init__(self, max_len: int = 50) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.register_buffer("pe", waves(max_len).unsqueeze(1))

    def forward(self, x: Any) -> Any:
        return self.dropout(x + self.pe[: x.size(0)])


@network
def transformer_tutorial_seq_first() -> Case:
    """The words come first inside, as in PyTorch's tutorial of 2020."""

    def forward(net: Any, ids: Any) -> Any:
        x = net.pos(net.embedding(ids.transpose(0, 1)) * math.sqrt(WIDTH))
        return net.decoder(net.encoder(x, mask=net.mask)).transpose(0, 1)

    mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
    parts = {
        "embedding": nn.Embedding(WORDS, WIDTH),
        "pos": PositionalEncoding(),
        "encoder": encoder(batch_first=False),
    }
    return (
        Net(forward, **parts, mask=mask, decoder=nn.Linear(WIDTH, WORDS)),
        "cross_entropy",
        continued(LENGTH, WORDS),
    )


@network
def transformer_sinusoid_batch_first() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        x = net.embedding(ids) * math.sqrt(WIDTH) + net.pe[:, : ids.size(1)]
        return net.fc(net.encoder(x).mean(dim=1))

    parts = {"embedding": nn.Embedding(WORDS, WIDTH), "encoder": encoder(), "fc": nn.Linear(WIDTH, 3)}
    return Net(forward, **parts, pe=waves(50).unsqueeze(0)), CE(), worded(LENGTH, WORDS)


@network
def transformer_cls_first_token() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        return net.fc(net.encoder(net.embedding(ids))[:, 0])

    return (
        Net(forward, embedding=nn.Embedding(WORDS, WIDTH), encoder=encoder(), fc=nn.Linear(WIDTH, 3)),
        CE(),
        worded(LENGTH, WORDS),
    )


@network
def transformer_padding_mask() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        padded = ids == 0
        x = net.embedding(ids)
        mixed, _ = net.attention(x, x, x, key_padding_mask=padded, need_weights=False)
        return net.fc(net.norm(x + mixed).mean(dim=1))

    parts = {
        "embedding": nn.Embedding(WORDS, WIDTH, padding_idx=0),
        "attention": nn.MultiheadAttention(WIDTH, HEADS, batch_first=True),
    }
    x, y = worded(LENGTH, WORDS)
    x[:, 0] = x[:, 0].clamp(min=1)
    x[:, -2:] = 0
    return Net(forward, **parts, norm=nn.LayerNorm(WIDTH), fc=nn.Linear(WIDTH, 3)), CE(), (x, y)


@network
def transformer_mha_block() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = net.norm(x)
        x = x + net.attention(h, h, h, need_weights=False)[0]
        return net.fc(x.mean(dim=1))

    parts = {
        "norm": nn.LayerNorm(WIDTH),
        "attention": nn.MultiheadAttention(WIDTH, HEADS, batch_first=True),
        "fc": nn.Linear(WIDTH, 3),
    }
    return Net(forward, **parts), CE(), classified(6, WIDTH)


class Vit(nn.Module):
    def __init__(self, cls_token: bool) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, WIDTH, 2, stride=2)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH)) if cls_token else None
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 16 + cls_token, WIDTH))
        self.encoder, self.head = encoder(), nn.Linear(WIDTH, 3)

    def forward(self, x: Any) -> Any:
        x = self.patch(x).flatten(2).transpose(1, 2)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)
        x = self.encoder(x + self.pos_embed)
        return self.head(x.mean(dim=1) if self.cls_token is None else x[:, 0])


@network
def vit_cls_token() -> Case:
    return Vit(cls_token=True), CE(), classified(*IMAGE)


@network
def vit_mean_pool() -> Case:
    return Vit(cls_token=False), CE(), classified(*IMAGE)


class VitAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj, self.scale = (
            nn.Linear(WIDTH, 3 * WIDTH),
            nn.Linear(WIDTH, WIDTH),
            (WIDTH // HEADS) ** -0.5,
        )

    def forward(self, x: Any) -> Any:
        B, T, C = x.shape
        q, k, v = self.qkv(x).reshape(B, T, 3, HEADS, C // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        att = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((att @ v).transpose(1, 2).reshape(B, T, C))


@network
def vit_handwritten() -> Case:
    def forward(net: Any, x: Any) -> Any:
        x = net.patch(x).flatten(2).transpose(1, 2)
        return net.head(net.block(x).mean(dim=1))

    return (
        Net(
            forward,
            patch=nn.Conv2d(3, WIDTH, 2, stride=2),
            block=Block(VitAttention()),
            head=nn.Linear(WIDTH, 3),
        ),
        CE(),
        classified(*IMAGE),
    )


class MixerBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.tokens, self.channels = (
            mlp(16, 16, 16, activation=nn.GELU),
            mlp(WIDTH, 24, WIDTH, activation=nn.GELU),
        )

    def forward(self, x: Any) -> Any:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


@network
def mlp_mixer() -> Case:
    def forward(net: Any, x: Any) -> Any:
        x = net.blocks(net.patch(x).flatten(2).transpose(1, 2))
        return net.head(x.mean(dim=1))

    parts = {
        "patch": nn.Conv2d(3, WIDTH, 2, stride=2),
        "blocks": nn.Sequential(MixerBlock(), MixerBlock()),
        "head": nn.Linear(WIDTH, 3),
    }
    return Net(forward, **parts), CE(), classified(*IMAGE)


@network
def embedding_bag() -> Case:
    return nn.Sequential(nn.EmbeddingBag(WORDS, 8, mode="mean"), nn.Linear(8, 3)), CE(), worded(LENGTH, WORDS)


@network
def embedding_mean_mlp() -> Case:
    module = Net(
        lambda net, ids: net.fc(net.embedding(ids).mean(dim=1)),
        embedding=nn.Embedding(WORDS, 8),
        fc=nn.Linear(8, 3),
    )
    return module, CE(), worded(LENGTH, WORDS)
