"""Networks of images and of tokens."""

from __future__ import annotations

from tests.networks import network

IMAGES = {
    "depthwise": network(
        "c conv2d 2 19 1 1 | t tanh | d conv2d 1 19 3 5 groups=19 stride=[2,1] padding=[1,2] bias=false | b batchnorm 19 | r silu"
        "| e conv2d 1 19 3 3 groups=19 padding=2 dilation=2 | s sigmoid | f conv2d 1 19 2 4 groups=19 | g globalavgpool | fc dense 19 3",
        (2, 7, 6),
        3,
        n=17,
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
