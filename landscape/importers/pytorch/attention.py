"""Attention and the transformer's encoder, in the format's attention, layernorm and dense ops."""

from __future__ import annotations

from typing import Any

from landscape.errors import InputError
from landscape.importers.network import Weight
from landscape.importers.pytorch.call import Call

ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "ReLU": "relu", "GELU": "gelu", "silu": "silu", "SiLU": "silu"}


def multihead(call: Call) -> str:
    """Translate self-attention, its three inputs the same."""
    inputs = [call.value(position, name) for position, name in enumerate(("query", "key", "value"))]
    if len(set(inputs)) > 1:
        raise InputError("query, key and value differ; the format has self-attention only")
    if call.argument(3, "key_padding_mask") is not None:
        raise InputError("key_padding_mask: expected none")
    causal = is_causal(call.argument(5, "attn_mask"))
    return attend(call, call.module, call.name, inputs[0], causal)


def attend(call: Call, module: Any, name: str, source: str, causal: bool) -> str:
    """Add a self-attention."""
    if not module.batch_first:
        raise InputError("batch_first=False: expected True, examples on the first axis")
    if module.in_proj_weight is None or module.bias_k is not None or module.add_zero_attn:
        raise InputError("kdim, vdim, add_bias_kv and add_zero_attn: expected none of them")
    if module.in_proj_bias is None:
        raise InputError("bias=False: expected True; the format's attention has its biases")
    weights = call.weights(in_proj_weight=module.in_proj_weight, in_proj_bias=module.in_proj_bias)
    weights["out_proj.weight"] = call.weight(module.out_proj.weight, "out_proj.weight")
    weights["out_proj.bias"] = call.weight(module.out_proj.bias, "out_proj.bias")
    return call.network.add(name, "attention", [source], weights, heads=module.num_heads, causal=causal)


def is_causal(mask: Any) -> bool:
    """Tell a mask of the future, [T, T], from one that masks nothing.

    Raises
    ------
    InputError
        Any other mask.
    """
    if mask is None:
        return False
    hidden = mask.numpy()
    hidden = hidden if hidden.dtype.kind == "b" else hidden == -float("inf")
    if not hidden.any() and (mask.dtype.is_floating_point is False or not mask.any()):
        return False
    future = mask.new_ones(mask.shape).triu(1).numpy() != 0
    others = mask.dtype.is_floating_point and (mask.numpy()[~hidden] != 0).any()
    if mask.ndim != 2 or (hidden != future).any() or others:
        raise InputError("attn_mask: expected none, or one that hides the future and nothing else")
    return True


def encoder_layer(call: Call) -> str:
    """Translate one layer of the encoder."""
    if call.argument(2, "src_key_padding_mask") is not None:
        raise InputError("src_key_padding_mask: expected none")
    causal = is_causal(call.argument(1, "src_mask"))
    return _layer(call, call.module, call.name, call.value(0, "src"), causal)


def encoder(call: Call) -> str:
    """Translate a stack of layers, with the normalization after it."""
    if call.argument(2, "src_key_padding_mask") is not None:
        raise InputError("src_key_padding_mask: expected none")
    value, causal = call.value(0, "src"), is_causal(call.argument(1, "mask"))
    for number, layer in enumerate(call.module.layers):
        value = _layer(call, layer, f"{call.name}.layers.{number}", value, causal)
    norm = call.module.norm
    return value if norm is None else _norm(call, norm, f"{call.name}.norm", value)


def _layer(call: Call, layer: Any, name: str, source: str, causal: bool) -> str:
    """Add attention and a network of two layers, each beside a skip; normalized before or after."""
    if layer.norm_first:
        normed = _norm(call, layer.norm1, f"{name}.norm1", source)
        middle = _add(call, f"{name}.add1", source, _attention(call, layer, name, normed, causal))
        fed = _feed(call, layer, name, _norm(call, layer.norm2, f"{name}.norm2", middle))
        return _add(call, f"{name}.add2", middle, fed)
    summed = _add(call, f"{name}.add1", source, _attention(call, layer, name, source, causal))
    middle = _norm(call, layer.norm1, f"{name}.norm1", summed)
    summed = _add(call, f"{name}.add2", middle, _feed(call, layer, name, middle))
    return _norm(call, layer.norm2, f"{name}.norm2", summed)


def _attention(call: Call, layer: Any, name: str, source: str, causal: bool) -> str:
    value = attend(call, layer.self_attn, f"{name}.self_attn", source, causal)
    return _dropout(call, layer.dropout1, f"{name}.dropout1", value)


def _feed(call: Call, layer: Any, name: str, source: str) -> str:
    wide = _dense(call, layer.linear1, f"{name}.linear1", source)
    kind = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    if kind not in ACTIVATIONS:
        raise InputError(f"activation {kind}: expected one of {', '.join(ACTIVATIONS)}")
    approximate = {"approximate": getattr(layer.activation, "approximate", "none")} if kind == "GELU" else {}
    active = call.network.add(f"{name}.activation", ACTIVATIONS[kind], [wide], None, **approximate)
    dropped = _dropout(call, layer.dropout, f"{name}.dropout", active)
    narrow = _dense(call, layer.linear2, f"{name}.linear2", dropped)
    return _dropout(call, layer.dropout2, f"{name}.dropout2", narrow)


def _dense(call: Call, linear: Any, name: str, source: str) -> str:
    weights: dict[str, Weight] = call.weights(weight=linear.weight, bias=linear.bias)
    return call.network.add(name, "dense", [source], weights)


def _norm(call: Call, norm: Any, name: str, source: str) -> str:
    if type(norm).__name__ != "LayerNorm" or norm.bias is None:
        raise InputError(f"{name}: expected a LayerNorm with weight and bias")
    weights = call.weights(weight=norm.weight, bias=norm.bias)
    return call.network.add(
        name, "layernorm", [source], weights, eps=norm.eps, axes=len(norm.normalized_shape)
    )


def _dropout(call: Call, dropout: Any, name: str, source: str) -> str:
    return call.network.add(name, "dropout", [source], None, p=dropout.p) if dropout.p else source


def _add(call: Call, name: str, left: str, right: str) -> str:
    return call.network.add(name, "add", [left, right])
