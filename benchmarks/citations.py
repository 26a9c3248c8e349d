"""Whether what a diagnosis says of every known fault is true of its own numbers: `python benchmarks/citations.py [--only NAME] [--twins]`.

Draws each case of `landscape demo --fault`, diagnoses it, prints the text, and stops at the first number that is cited as a reason on the wrong side of its
threshold, at a sub-code or verdict that the case does not accept, and at a trial that did better than the remedy and is not named. Takes about five minutes.
"""

from __future__ import annotations

import argparse
import operator
import sys
import time

from landscape.commands.diagnose_report import diagnosis_table
from landscape.diagnosis import diagnose
from landscape.faults import CASES, accepts, draw

SIDES = {"from": operator.ge, "above": operator.gt, "below": operator.lt, "up to": operator.le}


def faults_of(report: dict, name: str, twin: bool) -> list[str]:
    """List what is wrong with a report."""
    wrong = [
        f"cited on the wrong side: {row['text']}"
        for row in report["cited"]
        if row["text"].startswith("though ") == SIDES[row["side"]](row["value"], row["threshold"])
    ]
    if not accepts(name, report["verdict"], report["subtype"], twin=twin):
        wrong.append(f"not an answer to this case: {report['verdict']}/{report['subtype']}")
    outcomes = report["evidence"]["outcomes"]
    above = [
        o
        for o in outcomes
        if report["gain"] is not None and o["useful"] and o["share"] > report["gain"] + 0.01
    ]
    if report["verdict"] in ("optimization", "model-bias") and bool(above) != bool(report["better"]):
        wrong.append(f"better trials: {above}, said: {report['better']}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="names that contain this")
    parser.add_argument("--twins", action="store_true", help="the healthy twins too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    bad = 0
    for name in CASES:
        for twin in (False, True) if options.twins else (False,):
            if options.only not in name:
                continue
            begun = time.perf_counter()
            record = diagnose(draw(name, options.seed, twin=twin), threads=1)
            wrong = faults_of(record.report, name, twin)
            bad += len(wrong)
            print(
                f"== {name}{' (twin)' if twin else ''}: {time.perf_counter() - begun:.0f} s\n{diagnosis_table(record)}"
            )
            for sentence in wrong:
                print(f"WRONG  {sentence}")
            print(flush=True)
    sys.exit(f"{bad} sentences are wrong" if bad else None)


if __name__ == "__main__":
    main()
