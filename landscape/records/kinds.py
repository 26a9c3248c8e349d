"""What the file of each kind of record holds: arrays and settings, in the words of `landscape.records.declared`.

The shapes that depend on the record itself, such as a grid's, and what is missing are checked by the kind's own class.
"""

from __future__ import annotations

from typing import Any

Table = dict[str, str]

SCAN: Table = {
    "directions": "float [...] finite",
    "center": "float [...] finite",
    "center.*": "float []",
    "partial.*.state": "float [...]",
    "partial.*.step": "whole [...]",
    "partial.*.steps": "whole [...]",
    "partial.*.whole": "bool [...]",
    "end.*": "float []",
}
NESTED: Table = {f"scan.{name}": text for name, text in SCAN.items() if name not in ("directions", "center")}
PLANE = {"axis.0": "float [_] finite increasing", "axis.1": "float [_] finite increasing", "vectors": "float [2, P] finite"}  # fmt: skip

ARRAYS: dict[str, Table] = {
    "scan": SCAN,
    "hessian": {
        "eigenvalues": "float [k] finite ascending",
        "residuals": "float [k]",
        "errors": "float [k] counts",
        "eigenvectors": "float [k, P] finite",
        "products": "whole [] counts",
        "orthogonality": "float []",
        "kinks": "whole [2] counts",
        "status": "text []",
        "density.grid": "float [G] finite increasing",
        "density.value": "float [G] finite",
        "density.error": "float [G] finite",
        "density.nodes": "float [M, L] finite",
        "density.weights": "float [M, L] finite",
        "node.names": "text [n]",
        "node.eigenvalues": "float [n, 2]",
        "node.errors": "float [n, 2]",
    },
    "critical": {
        "theta": "float [P] finite",
        "gradient": "float [P] finite",
        "eigenvalues": "float [K] finite ascending",
        "errors": "float [K] finite counts",
        "verdict": "text []",
        "escape.step": "float [n] finite",
        "escape.predicted": "float [n] finite",
        "escape.actual": "float [n]",
        "escape.theta": "float [P] finite",
        **{f"{plane}.{name}": text for plane in ("plane", "random") for name, text in PLANE.items()},
        "status": "text []",
    },
    "atlas": {
        "theta": "float [N, P]",
        "inertia": "float [N, 3]",
        "index_interval": "float [N, 2]",
        "steps": "float [N]",
        "status": "text []",
    },
    "sharpness": {"*.axis": "float [_] finite increasing"},
    "trajectory": {
        "step": "whole [K] counts",
        "directions": "float [D, P] finite",
        "center": "float [P] finite",
        "projected": "float [K, D] finite",
        "distance": "float [K] finite",
        "captured": "float [D] finite",
        **NESTED,
    },
    "race": {
        "optimizers": "word [O]",
        "rates": "float [O] finite",
        "step": "whole [K] counts ascending",
        "examples": "whole [K] counts",
        "diverged": "whole [O, S]",
        "directions": "float [D, P] finite",
        "center": "float [P] finite",
        "projected": "float [O, K, D]",
        "distance": "float [O, K]",
        "captured": "float [D] finite",
        "tuning.rates": "float [t] finite",
        "tuning.loss": "float [O, t]",
        **NESTED,
    },
    "topology": {
        "directions": "float [D, P] finite",
        "center": "float [P] finite",
        "pairs": "float [k, 2]",
        "pairs.index": "whole [k, 2]",
        "pairs.error": "float [k] counts",
        "open": "bool [k]",
        "label": "whole [...g]",
        "tree.parent": "whole [k]",
        "tree.survivor": "whole [k]",
        "grid_dependent": "bool [k]",
        "maxima": "float [m, 2]",
        "maxima.index": "whole [m, 2]",
        "verified.basin": "whole [b] counts",
        "verified.loss": "float [b]",
        "verified.gradient_norm": "float [b]",
        "verified.distance": "float [b, b]",
        "verified.between": "float [b, b]",
        "verified.way": "float [b, b]",
        "verified.minimum": "whole [b] counts",
        "verified.converged": "bool [b]",
        **NESTED,
    },
    "connection": {
        "theta": "float [M, P] finite",
        "names": "word [M]",
        "report": "text []",
        "path.*.t": "float [_] finite increasing",
        "path.*.points": "float [_, P] finite",
        "path.*_loss": "float [_]",
        "path.*_accuracy": "float [_]",
        "permutation.*": "whole [_]",
        "saddle.*": "float [P] finite",
    },
    "study": {"study": "text []", "findings": "text [F]", "series.*": "float [...]", "number.*": "float []"},
    "diagnosis": {
        "report": "text []",
        "done": "bool []",
        "series.runs.*.labels": "word [_]",
        "series.escape.step": "float [E] finite",
        "series.escape.predicted": "float [E]",
        "series.escape.actual": "float [E]",
        "series.stability.step": "float [Q]",
        "series.stability.value": "float [Q]",
        "series.stability.limit": "float []",
    },
}  # fmt: skip

# The series and the settings that each study has beside the common ones.
STUDIES: dict[str, tuple[Table, Table, dict[str, Any]]] = {
    "batch-size": (
        {
            "batch_size": "float [N] finite positive", "update_seconds": "float [N] finite positive",
            "epoch_seconds": "float [N] finite positive", "epochs.train_loss": "float [N, S]",
            "updates.train_loss": "float [N, S]", "epochs.sharpness": "float [N, S]", "updates.sharpness": "float [N, S]",
            "epochs.*_*": "float [N, S]", "updates.*_*": "float [N, S]",
        },
        {},
        {"optimizer": "word", "learning_rate": "number", "seeds": "count"},
    ),
    "learning-rate": (
        {"rates": "float [R] finite positive", "train_loss": "float [O, R, S]"},
        {"limit": "float []"},
        {"optimizers": ["word"], "steps": "count", "seeds": "count"},
    ),
    "stability": (
        {
            "rates": "float [R] finite", "step": "float [R, K]", "sharpness": "float [R, K]", "loss": "float [R, K]",
            "limit": "float [R]",
        },
        {"factor": "float []"},
        {"optimizer": "word"},
    ),
    "schedule": (
        {"step": "float [K] finite", "train_loss": "float [C, 2, S, K]"},
        {"warmup": "float []"},
        {"schedules": ["word"], "optimizer": "word", "learning_rate": "number", "seeds": "count"},
    ),
}  # fmt: skip

MEASURE = {"definition?": "text?", "invariant?": ({"*": "bool?"},)}
# What any kind may say, for figures and tables; what else stands there is compared and not read.
ANY_KIND: dict[str, Any] = {
    "model_name?": "text?", "loss?": "word?", "loss_scale?": "number?", "dtype?": "word?", "device?": "word?", "split?": "word?",
    "splits?": (["word"],), "seed?": "count?", "seeds?": "count?", "node?": "text?", "directions?": (["text"],),
    "constant_loss?": ({"*": "number?"},), "constant_accuracy?": ({"*": "number?"},),
}  # fmt: skip
# What is marked on a plane: models, their mean and curves between them, or a run's checkpoints.
MARKED: dict[str, Any] = {
    "marks?": ([{"name": "text", "at": ["number", "number"], "loss?": "number?"}],),
    "overlays?": (
        [{"name": "text", "curve?": "word?", "points": [["number", "number"]], "distance": "number"}],
    ),
    "run?": (
        {"points": [["number", "number"]], "captured": "number", "distance": "number", "steps?": ["count"]},
    ),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "scan": MARKED,
    "hessian": {
        "top?": "count?", "bottom?": "count?", "all?": "bool?", "parameters?": "count", "examples?": "count?", "method?": "word?",
        "operator?": "word?", "layout?": ([["text", "count", "count"]],),
    },
    "critical": {"parameters?": "count?", "examples?": "count?"},
    "atlas": {"parameters?": "count?"},
    "sharpness": {"compare_name?": "text?", "measures?": {"*": MEASURE}, "not_assessed?": {"*": "text"}},
    "diagnosis": {"budget?": "text?"},
    "topology": {"quantity": "word", "connectivity?": "word", "threshold": "number", "scale?": "word?", "same_across_corners?": "bool?", "scan?": "any"},
}  # fmt: skip

VERDICT: dict[str, Any] = {
    "kind?": "text", "reason?": "text?", "loss": "number", "gradient_norm?": "number?", "newton_decrement?": "number?",
    "flatness?": "number?", "scale?": "number?", "tolerance?": "number?", "inertia": ["count?", "count?", "count?"],
    "index_interval": ["count", "count?"],
    "newton_decrement_is_lower_bound?": "bool?", "at_kink?": "bool?",
    "escape": ({"step": "number", "predicted": "number", "actual": "number", "eigenvalue": "any"},),
}  # fmt: skip

GAP = {"part": "number?", "error": "number?", "metric": "word", "base": "word", "other": "word"}
OUTCOME = {
    "name": "word",
    "kind": "word",
    "train": "number?",
    "share": "number?",
    "half": "number?",
    "useful": "bool?",
}
EVIDENCE: dict[str, Any] = {
    "train_loss?": "number?", "constant_loss?": "number?", "outcomes?": [OUTCOME], "beside?": ["text"],
    "validation_gap?": (GAP,), "test_gap?": (GAP,), "state?": ({"eigenvalue_min?": "number?"},),
    "generalization?": (
        {"sizes": ["number"], "curve": ["number?"], "halves": ["number?"], "metric": "word"},
    ),
}  # fmt: skip
REPORT: dict[str, Any] = {
    "verdict?": "text", "subtype?": "text?", "confidence?": "text?", "contradiction?": "text?", "why?": (["text"],),
    "accepted?": (["text"],), "remedy?": "text?", "advice?": "text?", "next?": "text?", "gain?": "number?", "ruled_out?": (["text"],),
    "not_assessed?": (["text"],), "warnings?": (["text"],), "evidence?": (EVIDENCE,), "thresholds?": ({"*": "number?"},), "budget?": "text?",
}  # fmt: skip

BARRIER: dict[str, Any] = {"value": "number?", "error": "number?", "at": "number"}
BARRIERS: dict[str, Any] = {
    "barrier": BARRIER, "barrier_mean_ends": BARRIER, "barrier_max_end": BARRIER, "accuracy": (BARRIER,),
}  # fmt: skip
ON_PATH: dict[str, Any] = {
    "connected": "word",
    **BARRIERS,
    "test": (BARRIERS,),
    "length?": "number?",
    "away?": "number?",
}
SADDLE: dict[str, Any] = {
    "height": "number?", "above": "number?", "error": "number?", "index": "count?", "certified": "bool", "reason": "text",
    "sides?": [{"to": "count?", "reordered": "bool", "loss": "number", "distance": "number", "highest": "number"}], "joins?": "bool",
}  # fmt: skip
CONNECTION: dict[str, Any] = {
    "ends": [{"name": "text", "value?": "number?", "train_loss?": "number?", "test_loss?": "number?"}],
    "pairs": [
        {
            "from": "count", "to": "count", **ON_PATH, "distance": "number", "scale": "number", "curves": {"*": ON_PATH},
            "aligned?": ({**ON_PATH, "agreement": "number"},), "saddle?": (SADDLE,), "lowest?": "number?",
        }
    ],
    "tree?": ([{"from": "count", "to": "count", "height": "number"}],),
}  # fmt: skip
