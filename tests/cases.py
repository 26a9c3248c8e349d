"""One table of networks × losses × data that every test of the engine is parametrized over.

Add a row here before adding a test. All numbers are representable in float32, so that both dtypes see the
same problem. Every unit stays away from its kinks, which `test_reference.py` checks.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from landscape.model import Model
from tests.networks import Build, chain, network


@dataclass(frozen=True)
class Case:
    """A network, a loss and data under one name."""

    name: str
    build: Build

    @property
    def model(self) -> Model:
        """Build the model, or give the one already built."""
        return built(self.name)

    @property
    def rng(self) -> np.random.Generator:
        """Give a fresh generator of the case's own."""
        return np.random.default_rng(zlib.crc32(self.name.encode()))


@cache
def built(name: str) -> Model:
    """Build a case's model once for all tests."""
    return CASES[name].build(CASES[name].rng)


ACTIVATIONS = {
    "relu": "relu",
    "leaky_relu": "leaky_relu",
    "leaky_relu_slope": "leaky_relu slope=0.2",
    "elu": "elu",
    "elu_alpha": "elu alpha=0.6",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "silu": "silu",
    "gelu": "gelu",
    "gelu_tanh": "gelu approximate=tanh",
    "identity": "identity",
}

# The other functions of one number, several to a network: each formula is compared alone in tests/formulas.
FUNCTIONS = {
    "functions_piecewise": network(
        "fc1 dense 5 8 | a relu6 | fc2 dense 8 7 | b hardswish | fc3 dense 7 7 | c hardtanh limit=0.8 | d celu alpha=0.5"
        "| fc4 dense 7 6 | e hardsigmoid | f scale by=1.5 | fc5 dense 6 3",
        5, 3, test=9,
    ),
    "functions_smooth": network(
        "fc1 dense 5 8 | a mish | fc2 dense 8 7 | b softsign | c logsigmoid | fc3 dense 7 6 | d selu | e tanhshrink | fc4 dense 6 3",
        5, 3, test=9,
    ),
    "functions_shrunk": network(
        "fc1 dense 5 9 | a softshrink threshold=0.1 | b hardshrink threshold=0.05 | fc2 dense 9 7 | c abs | d shift by=0.25"
        "| e clip_below least=0.5 | f clip_above most=1.5 | fc3 dense 7 3",
        5, 3,
    ),
    "functions_of_arithmetic": network(
        "fc1 dense 5 6 | a square | b shift by=1.0 | c sqrt | d reciprocal | fc2 dense 6 6 | e power exponent=3.0 | f expm1 | g atan"
        "| h exp | i log1p | j rsqrt | fc3 dense 6 2",
        5, 2, loss="mse",
    ),
    "functions_of_waves": network(
        "fc1 dense 5 6 | a sin | b erf | fc2 dense 6 6 | c cos | d tan | fc3 dense 6 5 | e scale by=0.4 | f sinh | g cosh | h log | fc4 dense 5 2",
        5, 2, loss="mse",
    ),
    # Neither has a slope: what comes before them has no gradient by this way.
    "functions_of_steps": network(
        "fc1 dense 5 6 | a sign | b floor | fc2 dense 5 6 : input | s add : b fc2 | t tanh | fc3 dense 6 3", 5, 3
    ),
}  # fmt: skip

LOSSES = {
    "mse": chain([5, 7, 2], loss="mse", test=13),
    "mae": chain([5, 7, 2], loss="mae"),
    "huber": chain([5, 7, 2], loss="huber"),
    "huber_delta": chain([5, 7, 2], loss="huber", delta=0.4),
    "binary_one_output": chain([5, 7, 1], loss="binary_cross_entropy", test=9),
    "binary_three_outputs": chain([5, 7, 3], "silu", loss="binary_cross_entropy"),
    "loss_scale": chain([5, 7, 3], loss_scale=2.5),
    "class_weights": chain([5, 7, 3], loss_options={"class_weights": [0.5, 2.0, 1.0]}, test=9),
    "smoothing_and_weights": chain(
        [5, 7, 3], ignored=0.3, loss_options={"class_weights": [0.5, 2.0, 0.25], "label_smoothing": 0.2, "ignored": 1}
    ),
    "soft_targets": chain([5, 7, 3], soft=True, loss_options={"label_smoothing": 0.1}, test=9),
    "kl_divergence": chain([5, 7, 3], loss="kl_divergence"),
    "multi_margin": chain([5, 7, 3], loss="multi_margin", loss_options={"class_weights": [0.5, 2.0, 1.0]}),
    "squared_margin": chain([5, 7, 3], loss="multi_margin", loss_options={"exponent": 2, "margin": 0.7}),
    "binary_weights": chain(
        [5, 7, 3], loss="binary_cross_entropy", loss_options={"pos_weight": [3.0, 1.0, 0.5], "element_weights": [1.0, 0.5, 2.0]}
    ),
    "binary_soft": chain([5, 7, 2], loss="binary_cross_entropy", soft=True, loss_options={"pos_weight": 3.0}),
    "poisson": chain([5, 7, 2], loss="poisson"),
    "poisson_rate": network(
        "fc1 dense 5 7 | t tanh | fc2 dense 7 2 | s softplus", 5, 2, loss="poisson_rate", loss_options={"element_weights": [1.0, 0.5]}
    ),
    "hinge_embedding": chain([5, 7, 2], loss="hinge_embedding", loss_options={"margin": 0.6}),
    "output_loss": network("fc1 dense 5 7 | t tanh | fc2 dense 7 1 | r reshape shape=[] | l power exponent=2", (5,), (), loss="output"),
    "focal": chain([5, 7, 2], loss="focal", loss_options={"alpha": 0.25}),
    "image_labels": network("c conv2d 2 4 3 3 padding=1 | t tanh | d conv2d 4 3 1 1", (2, 4, 5), (3, 4, 5), ignored=0.2, test=7),
    "image_weights": network(
        "c conv2d 2 4 3 3 padding=1 | t tanh | d conv2d 4 3 1 1", (2, 4, 3), (3, 4, 3), n=9, ignored=0.2,
        loss_options={"class_weights": [0.5, 2.0, 1.0], "ignored": 255},
    ),
    "image_binary": network(
        "c conv2d 2 4 3 3 padding=1 | t tanh | d conv2d 4 1 1 1", (2, 4, 3), (1, 4, 3), n=9, loss="binary_cross_entropy"
    ),
    "loss_scale_and_decay": chain([5, 7, 2], loss="mse", loss_scale=0.5, weight_decay=0.1),
}  # fmt: skip

DATA = {
    "one_example": chain([5, 7, 3], n=1),
    "three_examples": chain([5, 7, 3], n=3),
    "ragged_257": chain([5, 7, 3], n=257, test=3),
    "ragged_257_relu": chain([5, 7, 3], "relu", n=257),
    "several_tiles": chain([6, 9, 4], n=1100, test=257),
    "pixels": network(
        "flat flatten | fc1 dense 48 9 | t tanh | fc2 dense 9 4", (3, 4, 4), 4, pixels=True, test=5
    ),
    "ignored_plain_labels": chain([5, 7, 3], ignored=0.3),
    "ignored_labels": network("fc1 dense 4 7 | t tanh | fc2 dense 7 3", (5, 4), (5, 3), ignored=0.3, test=7),
    "sequence_cross_entropy": network("fc1 dense 4 7 | t tanh | fc2 dense 7 3", (5, 4), (5, 3), test=11),
    "sequence_mse": network("fc1 dense 4 7 | t tanh | fc2 dense 7 3", (5, 4), (5, 3), loss="mse", n=257),
    "long_sequence": network("fc1 dense 2 6 | t tanh | fc2 dense 6 3", (50, 2), (50, 3), n=9),
    "sequence_of_one": network("fc1 dense 4 7 | t tanh | fc2 dense 7 3", (1, 4), (1, 3)),
    "grid_of_features": network("fc1 dense 4 7 | t tanh | fc2 dense 7 3", (2, 3, 4), (2, 3, 3), loss="mse"),
}

WIDTHS = {
    "logistic_regression": chain([5, 3]),
    "linear_regression": chain([5, 1], loss="mse"),
    "one_input": chain([1, 4, 1], loss="mse"),
    "one_unit_bottleneck": chain([5, 1, 3]),
    "odd_widths": chain([17, 33, 19, 11]),
    "wide": chain([64, 70, 33, 10], n=130),
    "deep": chain([4, 5, 6, 5, 4, 5, 6, 3], "silu"),
    "no_bias": chain([5, 7, 3], dense="bias=false"),
    "large_logits": network("fc1 dense 5 7 | s softplus | p multiply : s s s s | fc2 dense 7 3", 5, 3),
}

NORMALIZATIONS = {
    "softmax_mse": network("fc1 dense 5 6 | t tanh | fc2 dense 6 4 | s softmax", 5, 4, loss="mse"),
    "softmax_inside": network("fc1 dense 4 6 | s softmax | fc2 dense 6 3", (5, 4), (5, 3)),
    "layernorm": network("fc1 dense 5 7 | ln layernorm 7 | g gelu | fc2 dense 7 3", 5, 3),
    "layernorm_first": network("ln layernorm 5 eps=0.01 | fc1 dense 5 3", 5, 3),
    "layernorm_without_epsilon": network("ln layernorm 5 eps=0 | fc1 dense 5 3", 5, 3),
    "layernorm_last": network("fc1 dense 5 6 | t tanh | fc2 dense 6 4 | ln layernorm 4", 5, 4, loss="mse"),
    "layernorm_of_tokens": network("fc1 dense 4 6 | ln layernorm 6 | s silu | fc2 dense 6 2", (5, 4), (5, 2)),
    "layernorm_two_axes": network(
        "fc1 dense 4 3 | ln layernorm 5 3 eps=0.1 | t tanh | fc2 dense 3 2", (5, 4), (5, 2)
    ),
    "groupnorm": network(
        "c conv2d 2 6 2 2 | n groupnorm 6 groups=3 | s silu | d conv2d 6 4 2 2 | m groupnorm 4 groups=2 bias=false"
        "| t tanh | flat flatten | fc dense 8 3",
        (2, 4, 3),
        3,
        test=5,
    ),
    "groupnorm_first": network(
        "n groupnorm 4 groups=1 eps=0.01 | t tanh | flat flatten | fc dense 24 3", (4, 3, 2), 3
    ),
    "groupnorm_last": network("fc1 dense 3 5 | n groupnorm 4 groups=2 eps=0", (4, 3), (4, 5), loss="mse"),
    "groupnorm_of_features": network(
        "fc1 dense 5 6 | n groupnorm 6 groups=2 | g gelu | fc2 dense 6 3", 5, 3, n=257
    ),
    "instancenorm": network(
        "c conv2d 2 5 3 3 padding=1 | n groupnorm groups=5 | g gelu | p globalavgpool | fc dense 5 3",
        (2, 3, 4),
        3,
    ),
    "instancenorm_of_sequences": network(
        "c conv1d 3 4 2 | n groupnorm 4 groups=4 | t tanh | flat flatten | fc dense 16 3", (3, 5), 3
    ),
    "frozen_groupnorm": network(
        "c conv1d 3 4 2 | n groupnorm 4 groups=2 trainable=false | t tanh | flat flatten | fc dense 16 3",
        (3, 5),
        3,
    ),
}

GRAPHS = {
    "skip": network(
        "fc1 dense 5 6 | t tanh | fc2 dense 6 6 | sum add : fc2 t | u tanh | fc3 dense 6 3", 5, 3, test=8
    ),
    "skip_relu": network(
        "fc1 dense 5 6 | r relu | fc2 dense 6 6 | sum add : fc2 r | s relu | fc3 dense 6 3", 5, 3
    ),
    "add_three": network(
        "fc1 dense 5 6 | t tanh | b dense 5 6 : input | c dense 6 6 : t"
        "| sum add : t b c | s sigmoid | fc2 dense 6 3",
        5,
        3,
    ),
    "add_to_input": network("fc1 dense 5 5 | sum add : fc1 input | t tanh | fc2 dense 5 3", 5, 3),
    "add_itself": network("fc1 dense 5 6 | t tanh | sum add : t t | fc2 dense 6 3", 5, 3),
    "add_last": network("a dense 5 3 | b dense 5 4 : input | t tanh | c dense 4 3 | sum add : a c", 5, 3),
    "multiply_gate": network(
        "fc1 dense 5 6 | t tanh | b dense 5 6 : input | s sigmoid | p multiply : t s | fc2 dense 6 3", 5, 3
    ),
    "multiply_three": network(
        "fc1 dense 5 6 | t tanh | b dense 5 6 : input | c dense 6 6 : t | p multiply : t b c | fc2 dense 6 3",
        5,
        3,
    ),
    "multiply_itself": network("fc1 dense 5 6 | t tanh | p multiply : t t t | fc2 dense 6 3", 5, 3),
    "multiply_input": network("fc1 dense 5 5 | p multiply : input fc1 | fc2 dense 5 3", 5, 3),
    "concat_features": network(
        "fc1 dense 5 6 | t tanh | b dense 5 6 : input | both concat axis=1 : t b | u tanh | fc2 dense 12 3",
        5,
        3,
    ),
    "concat_three": network(
        "fc1 dense 5 6 | t tanh | b dense 6 6 | s silu | all concat axis=1 : s t s | fc2 dense 18 3", 5, 3
    ),
    "concat_sequence": network(
        "fc1 dense 4 6 | t tanh | b dense 4 6 : input | both concat axis=1 : t b | fc2 dense 6 3",
        (5, 4),
        (10, 3),
    ),
    "concat_token_features": network(
        "fc1 dense 4 6 | t tanh | b dense 4 6 : input | both concat axis=2 : t b | fc2 dense 12 3",
        (5, 4),
        (5, 3),
    ),
    "concat_unequal": network(
        "fc1 dense 5 6 | t tanh | b dense 5 3 : input | both concat axis=1 : t b | s silu | fc2 dense 9 3",
        5,
        3,
    ),
    "concat_input": network(
        "fc1 dense 5 6 | t tanh | both concat axis=1 : input t input | fc2 dense 16 3", 5, 3, n=257
    ),
    "concat_unequal_sequences": network(
        "fc1 dense 4 3 | t tanh | double concat axis=1 : t t | all concat axis=1 : t double | fc2 dense 3 2",
        (5, 4),
        (15, 2),
    ),
    "concat_middle_axis": network(
        "fc1 dense 4 3 | t tanh | b dense 4 3 : input | both concat axis=2 : t b | fc2 dense 3 2",
        (2, 3, 4),
        (2, 6, 2),
        loss="mse",
    ),
    "flatten_sequence": network("fc1 dense 4 6 | t tanh | flat flatten | fc2 dense 30 3", (5, 4), 3),
    "dropout": network("fc1 dense 5 6 | t tanh | drop dropout p=0.3 | fc2 dense 6 3", 5, 3),
    "three_consumers": network(
        "fc1 dense 5 6 | t tanh | b dense 6 6 : t | s silu : t | c dense 6 6 : t"
        "| sum add : b s | p multiply : sum c | fc2 dense 6 3",
        5,
        3,
    ),
    "two_branches": network(
        "a dense 5 4 | t tanh | b dense 5 4 : input | g gelu | c dense 4 4 | sum add : t c | fc dense 4 3",
        5,
        3,
    ),
    "own_silu": network("fc1 dense 5 6 | s sigmoid | p multiply : fc1 s | fc2 dense 6 3", 5, 3),
    "two_activations": network(
        "fc1 dense 5 6 | t tanh : fc1 | s silu : fc1 | sum add : t s | fc2 dense 6 3", 5, 3, n=257
    ),
    "skip_from_preactivation": network("fc1 dense 5 3 | t tanh | fc2 dense 3 3 | sum add : fc2 fc1", 5, 3),
    "activations_in_a_row": network("fc1 dense 5 6 | a softplus | t tanh | s sigmoid | fc2 dense 6 3", 5, 3),
    "nothing_between": network(
        "i identity | d dropout | flat flatten | fc1 dense 5 6 | e identity | t tanh | f dropout"
        "| fc2 dense 6 3 | out identity",
        5,
        3,
    ),
    "input_doubled": network("sum add : input input | p multiply : sum input | fc dense 5 3", 5, 3),
    "concat_of_inputs": network("both concat axis=1 : input input | fc dense 10 3", 5, 3),
    "softmax_of_input": network("s softmax | fc dense 5 3", 5, 3),
    "activation_after_concat": network(
        "fc1 dense 5 4 | b dense 5 2 : input | both concat axis=1 : fc1 b | t tanh | g gelu | fc2 dense 6 3",
        5,
        3,
    ),
    "output_in_the_middle": network(
        "fc1 dense 5 6 | s silu | fc2 dense 6 3 | t tanh | unused dense 3 2 | out identity : fc2", 5, 3
    ),
    "long_skips": network(
        "fc1 dense 5 4 | a tanh | fc2 dense 4 7 | b tanh | fc3 dense 7 3 | c tanh | fc4 dense 3 4"
        "| sum add : fc4 a | all concat axis=1 : sum b c | fc5 dense 14 3",
        5,
        3,
    ),
    "late_branch": network(
        "a dense 5 4 | t tanh | m dense 4 6 | u tanh | k dense 6 4 | w tanh | b dense 5 6 : input | s tanh"
        "| c concat axis=1 : w s | o dense 10 3",
        5,
        3,
    ),
    "unused_branch_before_the_last": network(
        "a dense 5 3 | unused dense 5 4 : input | u tanh | t tanh : a", 5, 3, loss="mse", n=9
    ),
    "growing_concat": network(
        "fc1 dense 5 3 | a tanh | c1 concat axis=1 : input a | fc2 dense 8 3 | b silu"
        "| c2 concat axis=1 : c1 b | fc3 dense 11 3 | d gelu | c3 concat axis=1 : c2 d | fc4 dense 14 3",
        5,
        3,
    ),
    "transformer_block": network(
        "ln1 layernorm 4 eps=0.1 | up dense 4 8 | g gelu | down dense 8 4 | sum add : down input"
        "| ln2 layernorm 4 eps=0.1 | head dense 4 3",
        (7, 4),
        (7, 3),
        ignored=0.2,
        n=130,
    ),
    "activation_of_input": network("t tanh | fc dense 5 3", 5, 3),
    "activation_last": network("fc1 dense 5 7 | t tanh | fc2 dense 7 2 | s sigmoid", 5, 2, loss="mse"),
    "unused_branch": network(
        "fc1 dense 5 6 | t tanh | unused dense 6 2 : t | fc2 dense 6 3 : t", 5, 3, weight_decay=0.2
    ),
}

PARAMETERS = {
    "tied_weights": network(
        "fc1 dense 5 6 | t tanh | h dense 6 6 | u tanh| again dense parameters_of=h | v tanh | fc2 dense 6 3",
        5,
        3,
        weight_decay=0.05,
    ),
    "tied_branches": network(
        "a dense 5 4 | t tanh | square multiply : input input | b dense parameters_of=a : square | s sigmoid"
        "| sum add : t s | fc dense 4 3",
        5,
        3,
    ),
    "tied_layernorm": network(
        "fc1 dense 5 6 | ln layernorm 6 | t tanh | h dense 6 6"
        "| again layernorm parameters_of=ln | fc2 dense 6 3",
        5,
        3,
    ),
    "frozen_first": network("fc1 dense 5 6 trainable=false | t tanh | fc2 dense 6 3", 5, 3),
    "frozen_middle": network(
        "fc1 dense 5 6 | t tanh | h dense 6 6 trainable=false | s silu | fc2 dense 6 3",
        5,
        3,
        weight_decay=0.05,
    ),
    "frozen_last": network("fc1 dense 5 6 | t tanh | fc2 dense 6 3 trainable=false", 5, 3),
    "frozen_layernorm": network(
        "fc1 dense 5 6 | ln layernorm 6 trainable=false | t tanh | fc2 dense 6 3", 5, 3
    ),
    "frozen_tied": network(
        "fc1 dense 5 6 | t tanh | h dense 6 6 trainable=false | s silu | again dense parameters_of=h | v tanh"
        "| fc2 dense 6 3",
        5,
        3,
    ),
    "weight_decay": chain([5, 7, 3], weight_decay=0.03),
    "weight_decay_map": chain([5, 7, 3], weight_decay={"fc1.weight": 0.2, "fc2.bias": 0.7}, n=257),
}

IMAGES = {
    "depthwise": network(
        "c conv2d 2 19 1 1 | t tanh | d conv2d 1 19 3 5 groups=19 stride=[2,1] padding=[1,2] bias=false | b batchnorm 19 | r silu"
        "| e conv2d 1 19 3 3 groups=19 padding=2 dilation=2 | s sigmoid | f conv2d 1 19 2 4 groups=19 | g globalavgpool | fc dense 19 3",
        (2, 7, 6),
        3,
        n=33,
    ),
    "conv": network("c conv2d 3 4 3 3 | t tanh | flat flatten | fc dense 60 3", (3, 5, 7), 3),
    "conv_padded": network(
        "c conv2d 2 7 3 3 padding=1 | t tanh | d conv2d 7 5 3 3 padding=1 | s silu | g globalavgpool | fc dense 5 3",
        (2, 5, 4),
        3,
        n=19,
    ),
    "conv_strided": network(
        "c conv2d 1 5 3 3 stride=2 padding=1 | t tanh | d conv2d 5 9 3 2 stride=[2,1] padding=[1,0] bias=false | s silu"
        "| flat flatten | fc dense 54 3",
        (1, 7, 8),
        3,
        n=9,
    ),
    "conv_dilated": network(
        "c conv2d 2 3 3 2 dilation=[2,3] padding=2 | t tanh | d conv2d 3 3 2 2 stride=3 dilation=2 padding=1"
        "| flat flatten | fc dense 18 3",
        (2, 6, 7),
        3,
        n=5,
    ),
    "conv_groups": network(
        "c conv2d 2 6 3 3 groups=2 padding=1 | t tanh | depthwise conv2d 1 6 3 3 groups=6 padding=1 | s silu"
        "| point conv2d 6 4 1 1 | g globalavgpool | fc dense 4 3",
        (4, 3, 5),
        3,
        n=7,
    ),
    "conv_single_pixel": network(
        "c conv2d 1 1 3 3 padding=1 | t tanh | flat flatten | fc dense 1 2", (1, 1, 1), 2, n=1
    ),
    "conv_far_padding": network(
        "c conv2d 1 2 2 2 padding=2 | t tanh | flat flatten | fc dense 40 2", (1, 1, 2), 2, n=3
    ),
    "conv_pixels": network(
        "c conv2d 3 2 3 3 | t tanh | flat flatten | fc dense 8 3", (3, 4, 4), 3, pixels=True
    ),
    "conv_last": network(
        "c conv2d 2 3 3 3 padding=1 | t tanh | d conv2d 3 2 1 1", (2, 3, 4), (2, 3, 4), loss="mse", n=5
    ),
    "conv_sequence": network(
        "c conv1d 2 5 3 padding=1 | t tanh | d conv1d 5 4 2 stride=2 | s silu | flat flatten | fc dense 16 3",
        (2, 9),
        3,
        n=13,
    ),
    "conv_sequence_dilated": network(
        "c conv1d 1 4 3 padding=2 dilation=2 | t tanh | d conv1d 2 4 3 groups=2 | m mean axis=2 | fc dense 4 3",
        (1, 8),
        3,
        n=300,
    ),
    "lenet": network(
        "c conv2d 1 4 3 3 | r leaky_relu | p maxpool2d kernel=2 | d conv2d 4 5 3 3 padding=1 | s leaky_relu | q maxpool2d kernel=2"
        "| flat flatten | fc1 dense 20 6 | u leaky_relu | fc2 dense 6 3",
        (1, 10, 11),
        3,
        n=7,
        test=6,
    ),
    "maxpool_padded": network(
        "c conv2d 1 3 2 2 | t tanh | p maxpool2d kernel=[3,2] stride=[2,1] padding=1 | flat flatten | fc dense 30 3",
        (1, 5, 5),
        3,
        n=9,
    ),
    "maxpool_first": network("p maxpool2d kernel=2 | flat flatten | fc dense 12 3", (3, 4, 5), 3),
    "avgpool": network(
        "c conv2d 1 3 2 2 | t tanh | p avgpool2d kernel=3 stride=2 padding=1 | s silu | flat flatten | fc dense 27 3",
        (1, 6, 7),
        3,
        n=9,
    ),
    "avgpool_first": network("p avgpool2d kernel=2 | flat flatten | fc dense 12 3", (3, 4, 5), 3),
    "batchnorm_of_features": network("fc1 dense 5 6 | b batchnorm 6 | t tanh | fc2 dense 6 3", 5, 3),
    "batchnorm_first": network("b batchnorm 5 eps=0.1 | fc1 dense 5 3", 5, 3),
    "batchnorm_without_scale": network(
        "fc1 dense 5 6 | b batchnorm 6 bias=false | l leaky_relu | fc2 dense 6 3", 5, 3
    ),
    "batchnorm_of_tokens": network(
        "fc1 dense 4 6 | b batchnorm 5 | t tanh | fc2 dense 6 2", (5, 4), (5, 2), n=9
    ),
    "batchnorm_frozen": network(
        "c conv2d 1 3 2 2 | b batchnorm 3 trainable=false | t tanh | g globalavgpool | fc dense 3 3",
        (1, 4, 4),
        3,
    ),
    "conv_batchnorm": network(
        "c conv2d 2 5 3 3 padding=1 | b batchnorm 5 | t tanh | d conv2d 5 5 3 3 padding=1 bias=false | e batchnorm 5"
        "| sum add : e t | s silu | g globalavgpool | fc dense 5 3",
        (2, 4, 3),
        3,
        n=11,
        weight_decay=0.03,
    ),
    "batch_statistics": network(
        "fc1 dense 5 6 | b batchnorm 6 mode=batch batch_size=12 | t tanh | fc2 dense 6 3", 5, 3
    ),
    "batch_statistics_first": network("b batchnorm 5 mode=batch eps=0.1 bias=false | fc1 dense 5 3", 5, 3),
    "batch_statistics_of_images": network(
        "c conv2d 2 3 3 3 | b batchnorm 3 mode=batch batch_size=9 | s silu | d conv2d 3 4 2 2 | e batchnorm 4 mode=batch batch_size=9"
        "| t tanh | g globalavgpool | fc dense 4 3",
        (2, 5, 4),
        3,
        n=23,
    ),
    "batch_statistics_frozen": network(
        "fc1 dense 5 6 | b batchnorm 6 mode=batch batch_size=21 trainable=false | t tanh | fc2 dense 6 3",
        5,
        3,
    ),
    "resnet": network(
        "c conv2d 3 4 3 3 padding=1 bias=false | b batchnorm 4 | r elu"
        "| c1 conv2d 4 6 3 3 stride=2 padding=1 bias=false | b1 batchnorm 6 | r1 elu"
        "| c2 conv2d 6 6 3 3 padding=1 bias=false | b2 batchnorm 6"
        "| short pad_channels before=1 after=1 stride=2 : r | sum add : b2 short | r2 elu"
        "| pool globalavgpool | fc dense 6 3",
        (3, 5, 6),
        3,
        n=10,
    ),
    "image_joints": network(
        "c conv2d 2 3 3 3 padding=1 | t tanh | d conv2d 2 2 1 1 : input | both concat axis=1 : t d input"
        "| e conv2d 7 3 1 1 | p multiply : e t | rows concat axis=2 : p e | drop dropout | m mean axis=3 | l layernorm 6"
        "| flat flatten | fc dense 18 3",
        (2, 3, 4),
        3,
        n=6,
    ),
    "image_means": network(
        "c conv2d 2 3 2 2 | t tanh | m mean axis=1 | fc dense 3 2 | n mean axis=1", (2, 4, 4), 2, n=7
    ),
    "global_of_input": network("g globalavgpool | fc dense 3 2", (3, 2, 2), 2),
    "pad_channels_first": network(
        "p pad_channels before=1 after=2 stride=[1,2] | c conv2d 5 2 1 1 | g globalavgpool", (2, 3, 3), 2, n=4
    ),
    "frozen_convolution": network(
        "c conv2d 1 3 2 2 trainable=false | t tanh | d conv2d 3 2 2 2 | s silu | flat flatten | fc dense 8 3",
        (1, 4, 4),
        3,
    ),
    "tied_convolutions": network(
        "c conv2d 2 2 3 3 padding=1 | t tanh | d conv2d parameters_of=c padding=1 | s silu | flat flatten | fc dense 24 3",
        (2, 3, 4),
        3,
    ),
}

TOKENS = {
    "embedding": network("e embedding 7 4 | t tanh | flat flatten | fc dense 20 3", 5, 3, tokens=7),
    "position": network(
        "e embedding 7 4 | p position 5 4 | t tanh | m mean axis=1 | fc dense 4 3", 5, 3, tokens=7, n=23
    ),
    "position_of_input": network("p position 5 4 | t tanh | m mean axis=1 | fc dense 4 3", (5, 4), 3),
    "attention": network(
        "fc1 dense 3 4 | a attention 4 heads=2 | m mean axis=1 | fc dense 4 3", (11, 3), 3, n=9
    ),
    # More tokens than are taken at a time.
    "attention_of_input": network("a attention 4 heads=1 causal=true | fc dense 4 3", (19, 4), (19, 3), n=9),
    "attention_of_one": network("a attention 2 heads=2 | fc dense 2 3", (1, 2), (1, 3), n=1),
    "causal_transformer": network(
        "e embedding 9 6 | p position 7 6 | ln1 layernorm 6 | a attention 6 heads=3 causal=true | s add : p a"
        "| ln2 layernorm 6 | up dense 6 12 | g gelu | down dense 12 6 | o add : down s | ln3 layernorm 6"
        "| head dense 6 9",
        7,
        (7, 9),
        tokens=9,
        n=11,
        ignored=0.2,
    ),
    "frozen_embedding": network(
        "e embedding 7 4 trainable=false | a attention 4 heads=2 | flat flatten | fc dense 20 3",
        5,
        3,
        tokens=7,
    ),
}

LAYOUTS = {
    # A class token and positions as parameters, a query, key and value of one projection, split heads, and the first token alone.
    "vision_transformer": network(
        "c conv2d 2 6 2 2 stride=2 | r reshape shape=[6,6] | t transpose axes=[2,1] | cls parameter 1 6 | both concat axis=1 : cls t"
        "| pos parameter 7 6 | p add : both pos | qkv dense 6 18 | s reshape shape=[7,3,2,3] : qkv | o transpose axes=[2,3,1,4]"
        "| q slice axis=1 start=0 stop=1 : o | k slice axis=1 start=1 stop=2 : o | v slice axis=1 start=2 : o"
        "| a scaled_dot_product_attention : q k v | b reshape shape=[2,7,3] | m transpose axes=[2,1,3] | f reshape shape=[7,-1]"
        "| out dense 6 6 | sum add : p out | first take axis=1 indices=[0] | l reshape shape=[6] | fc dense 6 3",
        (2, 4, 6), 3, n=13, test=5,
    ),
    "cross_attention": network(
        "x slice axis=1 stop=3 | q dense 4 3 | y slice axis=1 start=3 : input | k dense 4 3 | v dense 4 2 : y | mask parameter 3 5"
        "| a scaled_dot_product_attention scale=0.7 : q k v mask | flat flatten | fc dense 6 3",
        (8, 4), 3, n=9,
    ),
    "causal_attention_of_other_widths": network(
        "k dense 4 3 | q slice axis=1 start=2 | v dense 4 5 : input | a scaled_dot_product_attention causal=true : q k v | fc dense 5 3",
        (6, 4), (4, 3), n=17,
    ),
    "fast_attention": network(
        "q dense 4 4 | k dense 4 4 : input | v tanh : q | a scaled_dot_product_attention causal=true : q k v | fc dense 4 3",
        (5, 4), (5, 3), n=13,
    ),
    "attention_of_one_row": network("a scaled_dot_product_attention : input input input | fc dense 4 3", (5, 4), (5, 3), n=3),
    "gated_channels": network(
        "c conv2d 2 6 3 3 padding=1 | s silu | p globalavgpool | d dense 6 3 | t tanh | e dense 3 6 | g sigmoid | w reshape shape=[6,1,1]"
        "| m multiply : s w | n conv2d 6 4 1 1 | mean reduce_mean axes=[2,3] | fc dense 4 3",
        (2, 5, 3), 3, n=11,
    ),
    "channel_shuffle": network(
        "c conv2d 1 6 2 2 groups=2 | s silu | r reshape shape=[2,3,3,2] | t transpose axes=[2,1,3,4] | u reshape shape=[6,3,2]"
        "| d conv2d 3 4 2 2 groups=2 | v tanh | flat flatten | fc dense 8 3",
        (2, 4, 3), 3, n=17,
    ),
    "channels_last_and_back": network(
        "c conv2d 2 5 2 2 | t transpose axes=[2,3,1] | l layernorm 5 | up dense 5 6 | g gelu | down dense 6 5 | b transpose axes=[3,1,2]"
        "| gamma parameter 5 1 1 | m multiply : b gamma | sum add : m c | d conv2d 5 2 2 2 | flat flatten | fc dense 4 3",
        (2, 4, 3), 3, n=9,
    ),
    "shifted_windows": network(
        "c conv2d 2 4 1 1 | a slice axis=2 start=1 | b slice axis=2 stop=1 : c | roll concat axis=2 : a b | r reshape shape=[4,2,2,3,2]"
        "| w transpose axes=[2,4,3,5,1] | t tanh | back transpose axes=[5,1,3,2,4] | s reshape shape=[4,4,6] | m reduce_mean axes=[3,2]"
        "| fc dense 4 3",
        (2, 4, 6), 3, n=5,
    ),
    "pads": network(
        "r pad before=[0,1,2] after=[0,2,0] mode=reflect | c conv2d 2 3 2 2 | t tanh | e pad before=[0,1,0] after=[0,0,2] mode=replicate"
        "| w pad before=[0,0,2] after=[0,1,1] mode=circular | d conv2d 3 2 2 2 stride=2 | k pad before=[1,-1,0] after=[0,0,-1] value=0.5"
        "| s silu | flat flatten | fc dense 18 3",
        (2, 3, 3), 3, n=7,
    ),
    "flips_of_sequences": network(
        "f slice axis=1 start=4 stop=-9 step=-1 | c conv1d 5 4 2 | g slice axis=2 start=-1 stop=-5 step=-1 | both concat axis=1 : c g"
        "| t tanh | fc dense 2 3",
        (5, 3), (8, 3), n=13,
    ),
    "views_of_the_data": network(
        "t take axis=2 indices=[3,0,0] | fc1 dense 3 4 | r reshape shape=[4,5] : input | a transpose axes=[2,1] | fc2 dense 4 4"
        "| s add : fc1 fc2 | q silu | e reduce_sum axes=[1] | fc dense 4 3",
        (5, 4), 3, n=17,
    ),
    "a_constant_padding_of_constant_padding": network(
        "fc1 dense 3 3 | p pad before=[1,0] after=[0,1] value=0.5 | q pad before=[0,1] after=[1,0] value=-0.25 | r pad before=[0,0] after=[1,1] value=-0.25"
        "| fc dense 6 2",
        (2, 3), (5, 2), n=3,
    ),
    "concat_of_views": network(
        "fc1 dense 4 6 | t tanh | a slice axis=2 stop=2 | b slice axis=2 start=2 stop=5 : t | c take axis=2 indices=[5,4,5] : t"
        "| all concat axis=2 : b a c | s transpose axes=[2,1] | fc2 dense 3 2",
        (3, 4), (8, 2), n=260,
    ),
}  # fmt: skip

VALUES = {
    "two_layers_of_one_parameter": network(
        "w parameter 5 5 | a dense 5 : input w | t tanh | b dense 5 : t w | s silu | fc dense 5 3", 5, 3, n=17, weight_decay=0.05
    ),
    "tied_autoencoder": network(
        "w parameter 3 6 | b parameter 3 | h dense : input w b | t tanh | v transpose axes=[2,1] : w | d dense 6 : t v",
        6, 6, loss="mse", n=13,
    ),
    "standardized_weights": network(
        "w parameter 4 2 2 3 | m reduce_mean axes=[2,3,4] keepdims=true | c subtract : w m | q square | v reduce_mean axes=[2,3,4] keepdims=true"
        "| e shift by=0.01 | r rsqrt | n multiply : c r | conv conv2d 4 padding=1 : input n | t tanh"
        "| o conv2d 4 3 2 2 | flat flatten | fc dense 24 3",
        (2, 4, 3), 3, n=9,
    ),
    "weight_norm": network(
        "v parameter 5 4 | g parameter 5 1 | q square : v | s reduce_sum axes=[2] keepdims=true | n sqrt | u divide : v n | w multiply : u g"
        "| fc1 dense 5 : input w | t tanh | fc2 dense 5 3",
        4, 3, n=300,
    ),
    "masked_weight": network(
        "w parameter 6 5 | k constant 6 5 | m multiply : w k | fc1 dense : input m | t tanh | fc2 dense 6 3", 5, 3
    ),
    "weight_of_a_sequence": network(
        "w parameter 2 6 | r reshape shape=[4,1,3] : w | c conv1d groups=2 stride=2 : input r | t tanh | flat flatten | fc dense 12 3",
        (2, 7), 3, n=5,
    ),
    "low_rank": network(
        "a parameter 6 2 | b parameter 2 5 | m matmul : a b | f constant 6 5 | w add : m f | fc1 dense 6 : input w | t tanh | fc2 dense 6 3",
        5, 3,
    ),
    "products_of_values": network(
        "a dense 4 3 | b dense 4 2 : input | t transpose axes=[1,3,2] : a | m matmul : t b | s tanh | p parameter 2 1 3 3 | q matmul : p s"
        "| flat flatten | fc dense 24 3",
        (2, 5, 4), 3, n=9,
    ),
    "products_with_weights": network(
        "w parameter 4 3 | a matmul : input w | t tanh | v parameter 2 5 | b matmul : v t | s silu | u parameter 3 2 2 | c matmul : u s"
        "| flat flatten | fc dense 18 3",
        (5, 4), 3, n=13,
    ),
    "strided_factors": network(
        "f dense 4 12 | r reshape shape=[3,2,2,3] | q slice axis=3 start=0 stop=1 : r | k slice axis=3 start=1 : r | a transpose axes=[2,1,4,3] : q"
        "| b transpose axes=[2,3,1,4] : k | x reshape shape=[2,3,3] : a | y reshape shape=[2,3,3] : b | z take axis=2 indices=[2,0,0] : y"
        "| m matmul : x z | t tanh | flat flatten | fc dense 18 3",
        (3, 4), 3, n=5,
    ),
    "reductions": network(
        "fc1 dense 4 3 | a reduce_sum axes=[1] | b reduce_mean axes=[1,3] : fc1 | c reduce_max axes=[2] keepdims=true : fc1"
        "| d reduce_min axes=[3] : fc1 | e reduce_max axes=[1,2,3] : fc1 | f reshape shape=[-1] : c | g reshape shape=[1] : e"
        "| h reshape shape=[-1] : d | i flatten : a | all concat axis=1 : i b f g h | t tanh | fc dense 37 3",
        (2, 5, 4), 3, n=13,
    ),
    "reductions_of_images": network(
        "c conv2d 2 4 2 2 | a reduce_max axes=[1] | b reduce_sum axes=[2,3] keepdims=true : c | d subtract : c b | e reduce_mean axes=[1,2] : d"
        "| f reduce_min axes=[2] : a | g reduce_mean axes=[] : f | all concat axis=1 : e g | fc dense 5 3",
        (2, 4, 3), 3, n=9,
    ),
    "reductions_of_parameters": network(
        "w parameter 3 4 2 | a reduce_max axes=[2] | b reduce_min axes=[1,3] : w | c reduce_sum axes=[1] : a | d reduce_mean axes=[1] : b"
        "| e add : c d | s multiply : input e | fc dense 2 3",
        2, 3, n=5,
    ),
    "written_out_softmax": network(
        "fc1 dense 5 6 | t tanh | fc2 dense 6 4 | m reduce_max axes=[-1] keepdims=true | s subtract : fc2 m | e exp"
        "| n reduce_sum axes=[-1] keepdims=true | l log | p subtract : s l | q exp | g divide : e n | out add : q g",
        5, 4, loss="mse",
    ),
    "broadcasts": network(
        "fc1 dense 4 3 | r parameter 5 1 | a add : fc1 r | k constant 3 | m multiply : a k | o parameter | s multiply : o m | q subtract : k s"
        "| c slice axis=1 start=0 stop=1 : q | e exp | d divide : s e | all multiply : d q r",
        (5, 4), (5, 3), loss="mse", n=13,
    ),
    "frozen_bias": network(
        'fc1 dense 5 6 frozen=["bias"] | t tanh | n layernorm 6 frozen=["weight"] | fc2 dense 6 3 frozen=["weight"]', 5, 3, weight_decay=0.1
    ),
    "frozen_weight_of_a_convolution": network(
        'c conv2d 2 4 2 2 frozen=["weight"] | t tanh | d conv2d 4 3 2 2 frozen=["bias"] | flat flatten | fc dense 6 3', (2, 3, 4), 3, n=9
    ),
    "ids_in_a_part_of_the_data": network(
        "i slice axis=1 start=0 stop=2 | e embedding 7 3 | flat flatten | x slice axis=1 start=2 : input | all concat axis=1 : flat x"
        "| fc1 dense 9 5 | t tanh | fc2 dense 5 3",
        5, 3, tokens=7, ids=2, n=17,
    ),
    "expanded_values": network(
        "q parameter 1 4 | e expand shape=[3,4] | fc dense 4 4 : input | a add : fc e | x expand shape=[2,3,4] | s tanh"
        "| m reduce_mean axes=[1] | out dense 4 2",
        (3, 4), (3, 2), n=1,
    ),
    "an_output_of_parameters_alone": network("w parameter 2 3 | s square | m reduce_sum axes=[1]", 4, 3, n=17),
}  # fmt: skip

CHAINS = {f"chain_{name}": chain([5, 7, 6, 3], line) for name, line in ACTIVATIONS.items()}
TABLE = (
    CHAINS
    | FUNCTIONS
    | LOSSES
    | DATA
    | WIDTHS
    | NORMALIZATIONS
    | GRAPHS
    | PARAMETERS
    | IMAGES
    | TOKENS
    | LAYOUTS
    | VALUES
)
CASES: dict[str, Case] = {name: Case(name, build) for name, build in TABLE.items()}
