"""What was requested of an analysis of a Hessian."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """What to compute of a Hessian; `top` and `bottom` are numbers of eigenvalues, ignored if `all` is set."""

    top: int
    bottom: int
    all: bool
    density: bool
    trace: bool
    by_node: bool
    method: str
    operator: str
    precondition: bool
    node: str | None
    accuracy: float
    tolerance: float
    max_products: int
    seed: int

    @property
    def eigenvalues(self) -> bool:
        """Whether eigenvalues are asked for."""
        return self.all or self.top + self.bottom > 0
