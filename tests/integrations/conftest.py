"""What real frameworks need before they are imported."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pytest

# Held, since what is defined is there as long as its library is.
DEFINED = []


@pytest.fixture(scope="session", autouse=True)
def torchvision_can_be_imported():
    """Let torchvision be imported, by frameworks too, where its operators of detection are built for another PyTorch: no test calls them."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            importlib.import_module("torchvision")
        except ImportError:
            return
        except RuntimeError:
            DEFINED.append(without_detection(torch))
            importlib.import_module("torchvision")


def without_detection(torch: Any) -> Any:
    """Define the operators that torchvision asks for when it is imported, without what they compute."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
