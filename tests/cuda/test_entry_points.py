"""The two devices' entry points have the same names and arguments."""

from __future__ import annotations

import inspect

import pytest

from landscape.kernels.cpu import derivatives, descent, sweep, training, values

ENTRIES = {
    "values": values.values, "sweep": sweep.sweep, "share_fixed": sweep.share_fixed, "share_products": sweep.share_products, "gradients": derivatives.gradients,
    "products": derivatives.products, "train": training.train, "descend": descent.descend,
}  # fmt: skip
# The addresses of rules, how the CPU shares work, which the launch says on a GPU, what a block knows as a constant, what products at one θ keep, and
# where weights are packed.
CPU_ONLY = {"rules", "worker", "workers", "turns", "width", "kept", "scratch"}


def arguments(function) -> list[str]:
    plain = getattr(function, "py_func", function)
    return [name for name in inspect.signature(plain).parameters if name not in CPU_ONLY]


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_point_has_the_same_arguments_on_both_devices(name):
    from landscape.kernels.cuda import derivatives, descent, sweep, training, values

    modules = (values, sweep, derivatives, training, descent)
    ours = {entry.__name__: entry for module in modules for entry in module.ENTRIES}
    assert arguments(ours[name]) == arguments(ENTRIES[name])
