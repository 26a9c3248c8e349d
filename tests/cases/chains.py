"""Networks without branches: activations, losses, amounts and kinds of data, widths."""

from __future__ import annotations

from tests.networks import chain, network

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

CHAINS = {f"chain_{name}": chain([5, 7, 6, 3], line) for name, line in ACTIVATIONS.items()}
