"""A diagnosis in words: the lines that its command and a report share."""

from __future__ import annotations

from typing import Any


def headline(report: dict[str, Any]) -> str:
    """Write the verdict; mark a finer cause that only the remedy's name supports as a guess.

    >>> headline({"verdict": "optimization", "subtype": "saddle", "confidence": "verified", "subtype_supported": True})
    'optimization / saddle (verified)'
    >>> headline({"verdict": "optimization", "subtype": "saddle", "confidence": "verified", "subtype_supported": False})
    'optimization (verified), perhaps saddle'
    """
    code, subtype, confidence = report["verdict"], report["subtype"], report["confidence"]
    if not subtype:
        return f"{code} ({confidence})"
    # Records of earlier versions do not say.
    known = report.get("subtype_supported", True)
    return f"{code} / {subtype} ({confidence})" if known else f"{code} ({confidence}), perhaps {subtype}"


def assumed_words(assumed: dict[str, Any]) -> str:
    """Say what was assumed about the training, and which options set it.

    >>> assumed_words({"optimizer": "adam", "steps": 1000})
    'optimizer adam, 1,000 updates (not in the file; set by --optimizer and --steps)'
    """
    words = {
        "optimizer": "optimizer {}", "learning_rate": "learning rate {:g}", "batch_size": "batches of {:,}", "steps": "{:,} updates",
    }  # fmt: skip
    said = ", ".join(words[name].format(value) for name, value in assumed.items())
    *names, last = [f"--{name.replace('_', '-')}" for name in assumed]
    listed = f"{', '.join(names)} and {last}" if names else last
    return f"{said} (not in the file; set by {listed})"
