"""Networks with other layouts of their values, and with values that are computed of parameters."""

from __future__ import annotations

from tests.networks import network

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
