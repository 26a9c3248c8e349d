"""The checker of reports finds planted contradictions."""

import pytest

from tests.diagnosis.contradictions import contradictions

HONEST = {
    "head": [], "verdict": "optimization", "subtype": "plateau", "confidence": "verified", "subtype_supported": True,
    "why": ["training loss 0.6: 90% of the way (large above 10%)"],
    "cited": [{"text": "training loss 0.6: 90% of the way (large above 10%)", "supports": True}],
    "ruled_out": ["overfitting: validation is no worse"], "warnings": [], "advice": "a fresh start", "remedy": "fresh",
    "next": "landscape train", "pytorch": None, "better": None, "thresholds": {"plateau": 0.03, "gradient_ratio": 1e-3, "dead": 0.9, "decrement": 1e-6},
    "checked": {"before": {"train": 0.6}, "after": {"train": 0.1}},
    "evidence": {"state": {"decrement": 1e-3}, "beside": [], "train_loss": 0.6, "generalization": {"curve": [0.5, 0.4, 0.4]}},
}  # fmt: skip


def test_an_honest_report_has_none():
    assert contradictions(HONEST) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"why": ["nan ± nan of its range"]}, "unknown number"),
        ({"why": ["599777629800754700948522933204857166630167324% of the way"]}, "too many digits"),
        ({"cited": [{"text": "60% of the units are dead", "supports": False}]}, "doubt as a reason"),
        ({"ruled_out": ["optimization: none of 3 remedies helps"]}, "ruled out, and the verdict"),
        (
            {"ruled_out": ["model-bias: with a wider network: 100% is gone (verified from 50%)"]},
            "by what verifies",
        ),
        ({"checked": None}, "not run once more"),
        ({"checked": {"before": {"train": 0.6}, "after": {"train": 0.7}}}, "ends worse"),
        ({"advice": "collect more data: the learning curve still falls"}, "does not fall"),
        ({"evidence": HONEST["evidence"] | {"state": {"decrement": 0.5}}}, "against its own number"),
        ({"warnings": ["the log shows losses with dropout on"]}, "was not evaluated"),
        (
            {"warnings": ["the log shows losses with dropout on"], "contradiction": "the log"},
            "said to contradict",
        ),
        ({"evidence": HONEST["evidence"] | {"modes": {"evaluation": 0.1}}}, "not in evaluation mode"),
    ],
)
def test_each_kind_of_contradiction_is_found(changes, words):
    assert words in " ".join(contradictions(HONEST | changes))
