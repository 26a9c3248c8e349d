"""`landscape race`: optimizers from one start, as a record and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from landscape.commands import options
from landscape.commands.call import Call, makes_record
from landscape.errors import InputError

if TYPE_CHECKING:
    from landscape.records import Race


@click.command("race", epilog="For example: landscape race digits.npz --init he --optimizer sgd,adam --tune")
@click.option(
    "--optimizer",
    metavar="NAME,NAME,…",
    default="sgd,heavy_ball,rmsprop,adam",
    show_default=True,
    help="Who runs; the names are those of train.",
)
@click.option(
    "--learning-rate", metavar="R[,R,…]", default="0.01", show_default=True, help="One for all, or one each."
)
@click.option("--tune", is_flag=True, help="Choose each rate from the same grid, by runs of other seeds.")
@click.option("--init", metavar="NAME", help="Start all at one initialization drawn by --seed: he, xavier, …")
@click.option("--steps", type=click.IntRange(min=2), metavar="N", help="Updates of a run.")
@click.option("--epochs", type=float, metavar="N", help="Length of a run; 10 by default.")
@click.option("--batch-size", type=click.IntRange(min=1), metavar="N", default=32, show_default=True)
@click.option(
    "--seeds", type=click.IntRange(1, 10_000), metavar="N", default=3, show_default=True, help="Runs of each."
)
@click.option(
    "--points",
    type=click.IntRange(min=2),
    metavar="N",
    default=31,
    show_default=True,
    help="Of the plane, along each axis.",
)
@options.engine
@options.device
@makes_record("race")
def command(call: Call, optimizer: str, learning_rate: str, **choices: Any) -> None:
    """Train MODEL with several optimizers from the same start, and rank them.

    Draws the loss against updates and examples seen, with a band over the seeds, and the paths on one plane.
    A divergence is a result, and ranks last. Cut short, by Ctrl-C or otherwise, the same command goes on with what is not done yet.
    """
    from landscape.studies import race

    record = call.record(
        race,
        optimizers=[name.strip() for name in optimizer.split(",") if name.strip()],
        learning_rate=read_rates(learning_rate),
        announce=call.say,
        **choices,
    )
    call.end(record, table)


def read_rates(text: str, option: str = "--learning-rate") -> list[float]:
    """Read rates between commas.

    Raises
    ------
    InputError
        Not numbers.

    Examples
    --------
    >>> read_rates("0.1,1e-3")
    [0.1, 0.001]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} '{text}': expected a number such as 0.01, or several between commas: 0.1,0.001"
        ) from None


def table(record: Race) -> str:
    """Write the ranking for people."""
    from landscape.studies.common import counted_seeds

    told = record.summary()
    lines = [
        f"{'':>2}  {'optimizer':<12} {'rate':>8}  {'training loss':>13}  band over {counted_seeds(told['seeds'])}"
    ]
    for place, row in enumerate(told["ranking"], start=1):
        low, high = (f"{end:.4g}" if end is not None else "diverged" for end in row["band"])
        loss = "diverged" if row["train_loss"] is None else f"{row['train_loss']:.4g}"
        more = f"  test accuracy {row['test_accuracy']:.3f}" if row.get("test_accuracy") is not None else ""
        rate = f"{row['learning_rate']:g}"
        lines.append(f"{place:>2}  {row['optimizer']:<12} {rate:>8}  {loss:>13}  {low} to {high}{more}")
    captured = sum(share or 0.0 for share in told["captured"])
    lines.append(
        f"after {told['steps']:,} updates; {captured:.1%} of the paths' variance is on the plane drawn; {record.settings['device']}"
    )
    return "\n".join(lines)
