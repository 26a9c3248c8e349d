"""Networks with one loss each, at the end of the same dense layers."""

from __future__ import annotations

from typing import Any

import torch
from coverage_common import Case, N, Net, classified, measured, mlp, network
from torch import nn

F = nn.functional


def of_classes() -> nn.Module:
    return mlp(10, 16, 3)


def of_one_number() -> nn.Module:
    return mlp(10, 16, 1)


def two_classes(*shape: int) -> tuple[Any, Any]:
    """Draw examples, and a class of two for each as a number."""
    return torch.randn(N, 10), torch.randint(0, 2, (N, *shape)).float()


@network
def loss_logsoftmax_nll() -> Case:
    return nn.Sequential(*of_classes(), nn.LogSoftmax(dim=1)), nn.NLLLoss(), classified(10)


@network
def loss_F_log_softmax_nll() -> Case:  # noqa: N802
    return (
        Net(lambda net, x: F.log_softmax(net.body(x), dim=1), body=of_classes()),
        F.nll_loss,
        classified(10),
    )


@network
def loss_sigmoid_bce() -> Case:
    return nn.Sequential(*of_one_number(), nn.Sigmoid()), nn.BCELoss(), two_classes(1)


@network
def loss_sigmoid_bce_squeezed() -> Case:
    return (
        Net(lambda net, x: torch.sigmoid(net.body(x)).squeeze(), body=of_one_number()),
        nn.BCELoss(),
        two_classes(),
    )


@network
def loss_bce_logits_squeezed() -> Case:
    return (
        Net(lambda net, x: net.body(x).squeeze(-1), body=of_one_number()),
        nn.BCEWithLogitsLoss(),
        two_classes(),
    )


@network
def loss_bce_pos_weight() -> Case:
    return of_one_number(), nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])), two_classes(1)


@network
def loss_ce_class_weights() -> Case:
    return of_classes(), nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5])), classified(10)


@network
def loss_ce_label_smoothing() -> Case:
    return of_classes(), nn.CrossEntropyLoss(label_smoothing=0.1), classified(10)


@network
def loss_ce_soft_targets() -> Case:
    return of_classes(), nn.CrossEntropyLoss(), (torch.randn(N, 10), torch.softmax(torch.randn(N, 3), dim=1))


@network
def loss_ce_sum() -> Case:
    return of_classes(), nn.CrossEntropyLoss(reduction="sum"), classified(10)


@network
def loss_softmax_then_ce() -> Case:
    return nn.Sequential(*of_classes(), nn.Softmax(dim=-1)), nn.CrossEntropyLoss(), classified(10)


@network
def loss_smooth_l1() -> Case:
    return of_one_number(), nn.SmoothL1Loss(beta=0.5), measured(10)


@network
def loss_l1() -> Case:
    return of_one_number(), nn.L1Loss(), measured(10)


@network
def loss_huber() -> Case:
    return of_one_number(), nn.HuberLoss(delta=0.7), measured(10)


@network
def loss_mse_y1d() -> Case:
    return (
        Net(lambda net, x: net.body(x).squeeze(1), body=of_one_number()),
        nn.MSELoss(),
        measured(10, outputs=()),
    )


@network
def loss_kldiv() -> Case:
    module = nn.Sequential(*of_classes(), nn.LogSoftmax(dim=1))
    return (
        module,
        nn.KLDivLoss(reduction="batchmean"),
        (torch.randn(N, 10), torch.softmax(torch.randn(N, 3), 1)),
    )


@network
def loss_poisson_nll() -> Case:
    return of_one_number(), nn.PoissonNLLLoss(), (torch.randn(N, 10), torch.randint(0, 5, (N, 1)).float())


@network
def loss_gaussian_nll() -> Case:
    def loss(output: Any, y: Any) -> Any:
        mean, variance = output[:, :1], F.softplus(output[:, 1:])
        return F.gaussian_nll_loss(mean, y, variance)

    return mlp(10, 16, 2), loss, measured(10)


@network
def loss_multi_margin() -> Case:
    return of_classes(), nn.MultiMarginLoss(), classified(10)


@network
def loss_hinge_embedding() -> Case:
    return (
        of_one_number(),
        nn.HingeEmbeddingLoss(),
        (torch.randn(N, 10), 2.0 * torch.randint(0, 2, (N, 1)) - 1),
    )


@network
def loss_multilabel_softmargin() -> Case:
    return (
        mlp(10, 16, 4),
        nn.MultiLabelSoftMarginLoss(),
        (torch.randn(N, 10), torch.randint(0, 2, (N, 4)).float()),
    )


def log_cosh(output: Any, y: Any) -> Any:
    return torch.log(torch.cosh(output - y)).mean()


@network
def loss_own_function() -> Case:
    return of_one_number(), log_cosh, measured(10)


@network
def loss_own_lambda() -> Case:
    return of_one_number(), lambda output, y: ((output - y) ** 2).mean(), measured(10)
