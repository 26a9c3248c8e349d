"""`landscape race`: optimizers from one start, as a record and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options, parsing
from landscape.commands.call import Call, makes_record

if TYPE_CHECKING:
    from landscape.records import Race


TUNED = "each rate is the best of ten for its optimizer, chosen by runs of other seeds"
NOT_TUNED = "rates are as given, not tuned: another rate may change the ranking (leave --learning-rate and --no-tune out to tune them)"


@parsing.command("race", epilog="For example: landscape race digits.npz --init he --optimizer sgd,adam")
@click.option(
    "--optimizer",
    metavar="NAME,NAME,…",
    default="sgd,heavy_ball,rmsprop,adam",
    show_default=True,
    help="Optimizers to compare: names that train knows, or PyTorch's.",
)
@click.option(
    "--learning-rate",
    metavar="R[,R,…]",
    help="Learning rate, one for all optimizers or one for each; by default each is tuned.",
)
@click.option(
    "--tune/--no-tune",
    default=None,
    help="Choose each optimizer's learning rate from the same ten, by runs with other seeds; the default unless --learning-rate is given.",
)
@options.init()
@options.steps(otherwise=", in place of --epochs")
@options.epochs(otherwise=", in place of --steps; 10 by default")
@options.batch_size()
@options.seeds()
@click.option(
    "--points",
    type=parsing.Whole(2),
    metavar="N",
    default=31,
    show_default=True,
    help="Number of points along each axis of the plane on which the paths are drawn.",
)
@options.engine
@options.device
@options.workers
@makes_record("race")
def command(call: Call, optimizer: str, learning_rate: str | None, **choices: Any) -> None:
    """Train MODEL with several optimizers from the same start, and rank them.

    Each optimizer runs at the best of ten learning rates, chosen by runs with other seeds; at equal rates the comparison would be unfair.
    Draws the loss against updates and examples seen, with a band over the seeds, and the paths on one plane.
    A run that diverges ranks last. After an interruption the same command continues where it stopped.
    """
    from landscape.studies import race

    record = call.record(
        race,
        optimizers=[name.strip() for name in optimizer.split(",") if name.strip()],
        learning_rate=None
        if learning_rate is None
        else parsing.read_several(learning_rate, options.RATE, "--learning-rate"),
        **choices,
    )
    call.end(record, table)


def table(record: Race) -> str:
    """Write the ranking for people."""
    from landscape.studies.common import counted_seeds

    told = record.summary()
    lines = [
        f"{'':>2}  {'optimizer':<12} {'rate':>8}  {'training loss':>13}  range over {counted_seeds(told['seeds'])}"
    ]
    for place, row in enumerate(told["ranking"], start=1):
        low, high = (f"{end:.4g}" if end is not None else "diverged" for end in row["band"])
        loss = "diverged" if row["train_loss"] is None else f"{row['train_loss']:.4g}"
        more = f"  test accuracy {row['test_accuracy']:.3f}" if row.get("test_accuracy") is not None else ""
        rate = f"{row['learning_rate']:g}"
        lines.append(f"{place:>2}  {row['optimizer']:<12} {rate:>8}  {loss:>13}  {low} to {high}{more}")
    lines.append(TUNED if told["tuned"] else NOT_TUNED)
    captured = sum(share or 0.0 for share in told["captured"])
    lines.append(
        f"after {told['steps']:,} updates; {captured:.1%} of the paths' variance is on the plane drawn; {record.settings['device']}"
    )
    return "\n".join(lines)
