"""The verdict of a diagnosis in sentences."""

from __future__ import annotations

VERDICTS = {
    "healthy": "No fault was found.",
    "model-bias": "The network is too limited for its training data.",
    "optimization": "The network could fit its training data better, but training did not find such parameters.",
    "overfitting": "The network fits its training data, and does much worse on data that it has not seen.",
    "mismatch": "The held-out data come from another distribution than the training data.",
    "noise-floor": "What is left of the training loss looks like noise: nothing that was tried removes it.",
    "broken": "Something is broken that no training can mend.",
    "undetermined": "There is no verdict: what was tried does not decide it.",
}
SUBTYPES = {
    "saddle": "It stopped at a saddle point.",
    "plateau": "It stopped on a plateau, where the gradient is almost zero.",
    "bouncing": "Its steps are too long: it bounces between the walls of a valley.",
    "noise": "The noise of small batches keeps the loss from falling further.",
    "unfinished": "It was not trained for long enough, or with too small a rate.",
    "ill-conditioned": "The loss is far steeper in some directions than in others.",
    "dead-units": "Units are off for every input.",
    "symmetric-units": "Half of the units of a layer, or more, are copies of others.",
    "vanishing-gradient": "The gradient vanishes before it reaches the first layers.",
    "exploding": "The parameters or the loss grew beyond all use.",
    "over-regularized": "The weight decay is too strong.",
    "width": "It has too few units in a layer.",
    "depth": "Its depth is wrong for these data.",
    "linear": "It has no activation between its layers.",
    "covariate": "The held-out inputs come from elsewhere.",
    "label-shift": "The classes have other shares in the held-out data.",
    "concept": "The same inputs have other targets in the test data.",
    "preprocessing": "The test inputs were prepared in another way.",
    "no-signal": "The targets cannot be predicted from the inputs.",
    "output-range": "The range of the last activation keeps the loss from falling.",
    "wrong-loss": "The training loop does not minimize this loss.",
    "stale-statistics": "The running statistics of batch normalization are not those of the data.",
    "unexplained": "Nothing that was tried lowers it, and no measurement says why.",
    "constant-output": "The output does not depend on the input.",
    "leakage": "Held-out examples are in the training set.",
}
CONFIDENCE = {
    "verified": "A trial training without the cause removed the fault.",
    "consistent": "All measurements agree with it; no trial has proved it.",
    "suspected": "There are signs of it; no trial has tested it.",
}
PICTURES = {
    "forks": "The training loss of the same network, continued from here or trained from a fresh start in several ways.",
    "networks": "The training loss that other networks reach with as many updates.",
    "stability": "The learning rate times the largest curvature at the checkpoints, beside the limit of stability.",
    "gaps": "How much worse the metric is from one set of data to the next.",
    "learning_curve": "The held-out metric with parts of the training data.",
    "contour": "The training loss on a plane through the network, which is at its center.",
    "contour_test": "The test loss on the same plane.",
    "surface": "The same training loss as a surface.",
    "spectrum": "The eigenvalues of the Hessian: the curvature along each direction, with errors.",
    "escape": "The loss along the direction of the most negative curvature, and what the curvature predicts.",
    "model": "The loss on the plane of the two extreme eigenvectors, beside its quadratic model.",
    "cuts": "The loss along each of the two eigenvectors by itself, beside its quadratic model.",
    "random": "The loss on a random plane, on which a saddle can look like a minimum.",
    "curves": "The loss along a random direction, scaled to the weights.",
    "path": "The checkpoints of the run over the loss on their plane.",
    "out_of_plane": "What that map leaves out: the checkpoints' own losses, and their distance from the plane.",
    "vectors": "In which node's parameters each eigenvector lies, in percent.",
    "log": "The log of the training: a loss that is still falling needs more updates, one that jumps a smaller learning rate.",
}


def sentence(report: dict[str, object]) -> str:
    """Say verdict and sub-type."""
    verdict = VERDICTS.get(str(report["verdict"]), str(report["verdict"]))
    subtype = report.get("subtype")
    if not subtype:
        return verdict
    if (report["verdict"], subtype) == ("broken", "exploding"):
        return "Something is broken: the training diverged, and parameters or the loss are NaN or infinite."
    words = SUBTYPES.get(str(subtype), str(subtype))
    if report.get("subtype_supported") is False:
        words = f"Perhaps {words[0].lower()}{words[1:]}"
    return f"{verdict} {words}"
