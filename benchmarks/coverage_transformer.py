"""Transformers as language models: as they are written in repositories and lectures."""

from __future__ import annotations

import math
from typing import Any

import torch
from coverage_common import Case, N, Net, continued, mlp, network
from torch import nn

F = nn.functional

CE = nn.CrossEntropyLoss
WORDS, LENGTH, WIDTH, HEADS = 20, 8, 16, 2


class MinGptAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.register_buffer("bias", torch.tril(torch.ones(LENGTH, LENGTH)).view(1, 1, LENGTH, LENGTH))

    def forward(self, x: Any) -> Any:
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(WIDTH, dim=2)
        k = k.view(B, T, HEADS, C // HEADS).transpose(1, 2)
        q = q.view(B, T, HEADS, C // HEADS).transpose(1, 2)
        v = v.view(B, T, HEADS, C // HEADS).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class NanoGptAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_attn, self.c_proj = (
            nn.Linear(WIDTH, 3 * WIDTH, bias=False),
            nn.Linear(WIDTH, WIDTH, bias=False),
        )

    def forward(self, x: Any) -> Any:
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(WIDTH, dim=2)
        k = k.view(B, T, HEADS, C // HEADS).transpose(1, 2)
        q = q.view(B, T, HEADS, C // HEADS).transpose(1, 2)
        v = v.view(B, T, HEADS, C // HEADS).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=True)
        return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Head(nn.Module):
    """One head of the lecture, with layers of its own."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.key, self.query, self.value = (nn.Linear(WIDTH, size, bias=False) for _ in range(3))
        self.register_buffer("tril", torch.tril(torch.ones(LENGTH, LENGTH)))

    def forward(self, x: Any) -> Any:
        _, T, C = x.shape
        wei = self.query(x) @ self.key(x).transpose(-2, -1) * C**-0.5
        wei = wei.masked_fill(self.tril[:T, :T] == 0, float("-inf"))
        return F.softmax(wei, dim=-1) @ self.value(x)


class LectureAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(WIDTH // HEADS) for _ in range(HEADS))
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Any) -> Any:
        return self.proj(torch.cat([head(x) for head in self.heads], dim=-1))


class Block(nn.Module):
    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(WIDTH), attention, nn.LayerNorm(WIDTH)
        self.mlp = mlp(WIDTH, 4 * WIDTH, WIDTH, activation=nn.GELU)

    def forward(self, x: Any) -> Any:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, attention: type[nn.Module], layers: int = 2) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(WORDS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.h = nn.ModuleList(Block(attention()) for _ in range(layers))
        self.ln_f, self.lm_head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WORDS, bias=False)

    def forward(self, idx: Any) -> Any:
        _, t = idx.size()
        x = self.wte(idx) + self.wpe(torch.arange(0, t, dtype=torch.long))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


@network
def gpt_mingpt() -> Case:
    return Gpt(MinGptAttention), "cross_entropy", continued(LENGTH, WORDS)


@network
def gpt_nanogpt_sdpa_tied() -> Case:
    module = Gpt(NanoGptAttention)
    module.wte.weight = module.lm_head.weight
    return module, "cross_entropy", continued(LENGTH, WORDS)


@network
def gpt_karpathy_lecture() -> Case:
    return Gpt(LectureAttention), "cross_entropy", continued(LENGTH, WORDS)


@network
def gpt_loss_flattened() -> Case:
    """The forward puts the words of all texts in one axis, as a loop does before the loss."""

    def forward(net: Any, idx: Any) -> Any:
        logits = net.lm_head(net.token(idx))
        B, T, C = logits.shape
        return logits.view(B * T, C)

    x, y = continued(LENGTH, WORDS)
    return (
        Net(forward, token=nn.Embedding(WORDS, WIDTH), lm_head=nn.Linear(WIDTH, WORDS)),
        CE(),
        (x, y.view(-1)),
    )


class LlamaNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Any) -> Any:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class LlamaAttention(nn.Module):
    """Queries and keys are turned by angles that grow with the place."""

    def __init__(self) -> None:
        super().__init__()
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        half = WIDTH // HEADS // 2
        angles = torch.outer(torch.arange(LENGTH), 10000.0 ** (-torch.arange(half) / half)).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def turned(self, x: Any) -> Any:
        first, second = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat([-second, first], dim=-1) * self.sin

    def forward(self, x: Any) -> Any:
        B, T, _ = x.shape
        q, k, v = (w(x).view(B, T, HEADS, -1).transpose(1, 2) for w in (self.wq, self.wk, self.wv))
        mixed = F.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=True)
        return self.wo(mixed.transpose(1, 2).reshape(B, T, WIDTH))


class SwiGlu(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w3, self.w2 = (
            nn.Linear(*sizes, bias=False) for sizes in ((WIDTH, 24), (WIDTH, 24), (24, WIDTH))
        )

    def forward(self, x: Any) -> Any:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


@network
def llama_block() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        x = net.embedding(ids)
        x = x + net.attention(net.norm1(x))
        x = x + net.feed_forward(net.norm2(x))
        return net.output(net.norm(x))

    norms = {name: LlamaNorm() for name in ("norm1", "norm2", "norm")}
    parts = {"embedding": nn.Embedding(WORDS, WIDTH), "attention": LlamaAttention(), "feed_forward": SwiGlu()}
    return (
        Net(forward, **parts, **norms, output=nn.Linear(WIDTH, WORDS, bias=False)),
        "cross_entropy",
        continued(LENGTH, WORDS),
    )


@network
def bengio_makemore_mlp() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        return net.out(torch.tanh(net.hidden(net.C(ids).view(-1, 12))))

    parts = {"C": nn.Embedding(WORDS, 4), "hidden": nn.Linear(12, 16), "out": nn.Linear(16, WORDS)}
    return Net(forward, **parts), CE(), (torch.randint(0, WORDS, (N, 3)), torch.randint(0, WORDS, (N,)))
