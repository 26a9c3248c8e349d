"""The loss of a PyTorch module over data as a function of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.importers.optional import need
from landscape.objective.about import About
from landscape.objective.functions import checked
from landscape.torch_objective import checkpoints
from landscape.torch_objective.data import Batches
from landscape.torch_objective.function import TorchFunction
from landscape.torch_objective.guesses import Guesses
from landscape.torch_objective.host import Host
from landscape.torch_objective.identity import digest, function_hash
from landscape.torch_objective.losses import Step, make_step
from landscape.torch_objective.metrics import Function
from landscape.torch_objective.parameters import (
    Choice,
    chosen_parameters,
    one_device,
    one_dtype,
    plain_module,
    read_device,
)
from landscape.torch_objective.statistics import normalizations
from landscape.torch_objective.trial import require_same, tried

Array = NDArray[np.float64]

BATCH_SIZE = 256
# What is found out when it is asked for, and belongs to one objective.
FOUND = ("about", "differences", "many")


class TorchObjective(TorchFunction):
    r"""Any PyTorch module's loss over data as a function of its parameters θ [P], evaluated where the module is.

    $$L(\theta) = \sum_b n_b\, \ell_b(\theta) \Big/ \sum_b n_b + \tfrac12 \lambda \lVert\theta\rVert^2$$

    over batches b of n_b examples with the mean loss ℓ_b, in evaluation mode. θ has the parameters in the order of `named_parameters()`; it,
    gradients and products are NumPy's float64, sums are in float64. The module is lent: afterwards its parameters, buffers, gradients, training
    flags and the random state are as before, also after an error or Ctrl-C.

    Parameters
    ----------
    module
        An `nn.Module`, perhaps in `torch.compile`, `DataParallel`, `DistributedDataParallel` or TorchScript.
    loss
        A loss of `torch.nn`, a name of the model format ("cross_entropy", …), or a function (output, target) → scalar mean over the batch.
        Means that leave classes out or weigh them are put together by what they count; `reduction="sum"` is the sum over all examples.
    data
        (x, y) as tensors or arrays, with a tuple for x where the module has several inputs; a `Dataset`; or a loader that can be read again.
    test
        Other examples, likewise; scans evaluate them too.
    metrics
        Functions (output, target) → mean over the batch, by name; by default the accuracy where the loss has one.
    weight_decay
        The λ of ½ λ ‖θ‖².
    batch_loss
        In place of `loss`: a function (module, batch) → (mean, number of examples) of any batch.
    recompute_statistics
        At every point, average the statistics of batch normalization over the training batches; there are values then, no derivatives.
    device, dtype
        Where, and in "float32" or "float64", a copy of the numbers is evaluated; by default the module's own.
    batch_size
        Of the batches that tensors and data sets are cut into, which bounds the memory.
    parameters
        Which are θ: names, patterns such as "layer4.*", names of modules, or a function (name, parameter) → bool; by default all that
        require gradients.
    deterministic
        Ask PyTorch for deterministic kernels while it evaluates.

    Raises
    ------
    InputError
        A module without trainable parameters, on several devices, or sharded; data that change, end, or are none; a loss that is no finite
        scalar, or is random. The message says what to try.

    Examples
    --------
    >>> import torch
    >>> line = torch.nn.Linear(1, 1, bias=False)
    >>> x = torch.tensor([[1.0], [2.0]])
    >>> objective = TorchObjective(line, torch.nn.MSELoss(), (x, 3 * x))
    >>> objective.value([1.0]), objective.gradient([1.0]).tolist(), objective.hvp([1.0], [1.0]).tolist()
    (10.0, [-10.0], [5.0])
    """

    def __init__(
        self,
        module: Any,
        loss: Any,
        data: Any,
        *,
        test: Any = None,
        metrics: Mapping[str, Function] | None = None,
        weight_decay: float = 0.0,
        batch_loss: Callable[[Any, Any], Any] | None = None,
        recompute_statistics: bool = False,
        device: Any = None,
        dtype: Any = None,
        batch_size: int = BATCH_SIZE,
        parameters: Choice | None = None,
        deterministic: bool = True,
    ) -> None:
        torch = need("torch")
        self.given = {
            "module": module, "loss": loss, "data": data, "test": test, "metrics": metrics, "batch_loss": batch_loss,
            "recompute_statistics": recompute_statistics, "device": device, "dtype": dtype, "batch_size": batch_size,
            "parameters": parameters, "deterministic": deterministic,
        }  # fmt: skip
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(f"batch_size: expected a whole number above 0, found {batch_size!r}")
        if not np.isfinite(weight_decay):
            raise InputError(f"weight_decay: expected a finite number, found {weight_decay}")
        module = plain_module(torch, module)
        chosen = chosen_parameters(module, parameters)
        self.host = Host(
            torch, module, chosen, dtype=one_dtype(torch, chosen, dtype), deterministic=deterministic,
            device=one_device(module.named_parameters()) if device is None else read_device(torch, device),
        )  # fmt: skip
        self.weight_decay, self.split = float(weight_decay), "train"
        self.statistics: Batches | None = None
        self.make: Callable[[Host], Step] = lambda host: make_step(
            torch, loss, batch_loss, metrics, host.moved
        )
        self.loss, self.choice = loss, parameters
        self.functions = (loss, batch_loss, *(metrics or {}).values())
        self.step = self.make(self.host)
        self.batches = Batches(torch, data, batch_size, self.host.moved, "data")
        if recompute_statistics:
            normalizations(torch, module)
            self.statistics = self.batches
        self.theta, self.test = self.host.theta(), None
        tried(self.host, self.step, self.batches)
        if test is not None:
            self.test = self.beside(Batches(torch, test, batch_size, self.host.moved, "test"))
            tried(self.host, self.step, self.test.batches)

    def __reduce__(self) -> tuple[Any, ...]:
        return made_anew, (self.given, self.split, self.weight_decay, self.theta)

    def beside(self, batches: Batches | None = None, weight_decay: float | None = None) -> TorchObjective:
        """Return an objective of the same module with other examples, or another weight decay."""
        other = object.__new__(TorchObjective)
        other.__dict__ |= {name: value for name, value in self.__dict__.items() if name not in FOUND}
        if batches is not None:
            other.batches, other.split = batches, "test"
        if weight_decay is not None:
            other.weight_decay = weight_decay
            other.test = None if self.test is None else self.test.beside(weight_decay=weight_decay)
        return other

    def of(self, module: Any) -> TorchObjective:
        """Return the objective of another module with the same loss and examples.

        All trainable parameters of that module form θ.
        """
        torch, other = self.host.torch, self.beside()
        plain = plain_module(torch, module)
        other.host = Host(
            torch, plain, chosen_parameters(plain, None), dtype=self.host.dtype, device=self.host.device,
            deterministic=self.host.deterministic,
        )  # fmt: skip
        other.given = self.given | {"module": module, "parameters": None}
        other.step, other.theta = self.make(other.host), other.host.theta()
        other.test = None if self.test is None else self.test.of(module)
        return other

    def examples(self) -> dict[str, Guesses]:
        """Return what a diagnosis needs to know about the examples of each split."""
        splits = {self.split: self} | ({} if self.test is None else {"test": self.test})
        return {name: Guesses(split, self.loss) for name, split in splits.items()}

    def of_another(self, found: Any) -> tuple[Array, dict[str, Guesses]] | None:
        """Return another module's θ and the examples of each split for it, or None if it is not a module."""
        if not isinstance(found, self.host.torch.nn.Module):
            return None
        other = self.of(found)
        return other.theta, other.examples()

    def put(self, theta: ArrayLike, module: Any) -> None:
        """Write θ into a module of the same layers, with the buffers and the other parameters of the objective's own.

        Raises
        ------
        InputError
            It has other parameters.

        Examples
        --------
        >>> import torch
        >>> line, other = torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)
        >>> TorchObjective(line, "mse", (torch.ones(1, 1), torch.ones(1, 1))).put([5.0], other)
        >>> other.weight.item()
        5.0
        """
        torch, point = self.host.torch, checked(theta, self.size)
        state = dict(checkpoints.named_tensors(self.host))
        state |= {
            piece.name: torch.from_numpy(point[piece.start : piece.stop].copy()).view(piece.shape)
            for piece in self.host.pieces
        }
        checkpoints.write(torch, checkpoints.named_tensors_of(plain_module(torch, module)), state)

    def load(self, checkpoint: Any) -> None:
        """Load a checkpoint's parameters and buffers into the module, which becomes the objective's θ.

        Parameters
        ----------
        checkpoint
            A state dict, or the path of a file of `torch.save`, which is read with `weights_only=True`.

        Raises
        ------
        InputError
            It does not fit the module.
        """
        torch = self.host.torch
        read = isinstance(checkpoint, str | Path)
        state = (
            checkpoints.read_file(torch, Path(checkpoint))
            if read
            else checkpoints.state_of(torch, checkpoint)
        )
        found = checkpoints.fitting(self.host, state, str(checkpoint) if read else "checkpoint")
        with torch.no_grad():
            for name, tensor in checkpoints.named_tensors(self.host):
                if name in found:
                    tensor.copy_(found[name])
        self.theta = self.host.theta()
        self.__dict__.pop("about", None)
        if self.test is not None:
            self.test.theta = self.theta
            self.test.__dict__.pop("about", None)

    @cached_property
    def about(self) -> About:
        """What it tells of itself to analyses: its name, tensors, splits, and the hashes that its records are known by."""
        settings = (self.step.summed, self.weight_decay, self.dtype, self.statistics is not None)
        splits = {"train": self} if self.test is None else {"train": self, "test": self.test}
        return About(
            name=type(self.host.module).__name__,
            loss=self.step.name,
            dtype=str(self.dtype),
            device=self.device,
            theta=self.theta,
            pieces=self.host.pieces,
            splits=splits if self.split == "train" else {self.split: self},
            split=self.split,
            bare=self.beside(weight_decay=0.0) if self.weight_decay else self,
            decay=np.full(self.size, self.weight_decay) if self.weight_decay else None,
            model=digest(self.host, self.functions, settings),
            data=require_same(self.host, [split.batches for split in splits.values()]),
            settings={
                "computed_by": "PyTorch",
                **({"weight_decay": self.weight_decay} if self.weight_decay else {}),
                **({"recompute_statistics": True} if self.statistics is not None else {}),
            },
            read_run=partial(checkpoints.read_run, self.host),
            examples=self.examples(),
            of=self.of_another,
            kept=self.host.kept,
            identify=partial(function_hash, self.host.torch),
            copied=partial(checkpoints.copied, self.host),
            write=partial(checkpoints.write_file, self.host.torch),
            matrices={"gauss-newton": self.gauss_newton},
        )


def made_anew(given: dict[str, Any], split: str, weight_decay: float, theta: Array) -> TorchObjective:
    """Make an objective again, in another process say, of what it was made of."""
    whole = TorchObjective(**given, weight_decay=weight_decay)
    made = whole if split == whole.split or whole.test is None else whole.test
    made.theta = theta
    return made
