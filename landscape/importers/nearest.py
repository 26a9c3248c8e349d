"""Suggestions for operations that the format does not have."""

from __future__ import annotations

from collections.abc import Iterable

from landscape.errors import InputError
from landscape.files import shown

# What takes any network.
EXIT = "analyse it as it is, as a PyTorch module, with landscape.TorchObjective"
# So many calls are named in one message.
NAMED = 4
PLAIN = "a graph without choices and loops"
# Names in lower case, as both PyTorch and ONNX may spell them. These are other functions, though of a similar shape.
NEAREST = {
    "median": "mean",
    "lppool1d": "AvgPool1d",
    "lppool2d": "AvgPool2d",
    "lp_pool2d": "avg_pool2d",
    "lppool": "AveragePool",
    "fractionalmaxpool2d": "MaxPool2d",
    "argmax": "softmax",
    "hardmax": "softmax",
}
# Other ways to write the same.
INSTEAD = {
    "if": PLAIN,
    "loop": PLAIN,
    "scan": PLAIN,
    "prod": "exp(sum(log x)), of numbers above zero",
    "cumprod": "exp(cumsum(log x)), of numbers above zero",
    "sort": "max, of the largest number",
    "topk": "max, of the largest number",
}


def unsupported(label: str, op: str, others: Iterable[str] = ()) -> InputError:
    """Make the error of an op that the format does not have, with what is near to it and the other calls that it does not have.

    >>> str(unsupported("head (LPPool2d)", "LPPool2d"))[:99]
    "head (LPPool2d): 'LPPool2d' is not supported; the nearest that is: AvgPool2d (another function); or"
    """
    near, instead = NEAREST.get(op.lower()), INSTEAD.get(op.lower())
    words = [f"the nearest that is: {near} (another function)"] if near else []
    words += [f"in its place there is {instead}"] if instead else []
    rest = list(dict.fromkeys(others))
    more = f" and {len(rest) - NAMED} more" if len(rest) > NAMED else ""
    also = f" (nor {'is' if len(rest) == 1 else 'are'} {', '.join(rest[:NAMED])}{more})" if rest else ""
    return InputError(
        f"{label}: {shown(op)} is not supported{also}; {'; '.join([*words, f'or {EXIT}' if words else EXIT])}"
    )
