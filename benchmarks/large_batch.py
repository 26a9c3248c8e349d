"""A minimum of small batches and its large-batch twin, every measure of both: `python benchmarks/large_batch.py` (minutes).

The bundled digits network is trained from one start with Adam, in batches of 16 and of 719 (half of the data), and the two minima are compared
as `landscape sharpness SMALL.npz --compare LARGE.npz` does; once for equal epochs, once for equal updates. After Keskar et al. 2017
(arXiv 1609.04836), whose networks are larger.
"""

from __future__ import annotations

import argparse

import landscape

SMALL, LARGE = 16, 719


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40, help="of the small batch")
    parser.add_argument("--measure", action="append", help="all where none is named")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    model = landscape.load_model(landscape.bundled_path("digits"))
    examples = model.examples("train")
    updates = {batch: chosen.epochs * -(-examples // batch) for batch in (SMALL, LARGE)}
    how = {"init": "he", "optimizer": "adam", "learning_rate": 0.003, "seed": chosen.seed, "checkpoints": 2}
    small = landscape.train(model, batch_size=SMALL, steps=updates[SMALL], **how)
    for title, steps in (("equal epochs", updates[LARGE]), ("equal updates", updates[SMALL])):
        large = landscape.train(model, batch_size=LARGE, steps=steps, **how)
        print(f"{title}: batches of {SMALL} for {updates[SMALL]:,} updates, of {LARGE} for {steps:,}")
        for name, minimum in (("small", small), ("large", large)):
            for split, found in landscape.evaluate_model(minimum).items():
                print(f"  {name} {split}: loss {found.loss:.4g}, accuracy {found.accuracy:.4f}")
        record = landscape.measure_sharpness(small, measures=chosen.measure, compare=large)
        for name, (value, error) in record.measures.items():
            other, other_error = record.beside["other"][name]
            print(
                f"  {name:<22} {value:>11.4g} ± {error:<9.2g} {other:>11.4g} ± {other_error:<9.2g} ×{other / value:.3g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
