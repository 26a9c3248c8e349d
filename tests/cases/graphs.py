"""Normalizations, graphs with branches, and parameters that are shared or left out."""

from __future__ import annotations

from tests.networks import chain, network

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
