"""The command `landscape`: each subcommand is a module, which is imported only when it is called.

`landscape --help` answers in a tenth of a second because this table holds the one-line helps; numba, scipy and
matplotlib are imported inside the bodies of the commands.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from landscape.commands.parsing import Group
from landscape.errors import ComputationError, InputError
from landscape.messages import say, silence_restored
from landscape.version import current_version

COMMANDS: dict[str, tuple[str, str]] = {
    "align": (
        "landscape.commands.align",
        "Permute a model's hidden units to match another's.",
    ),
    "connect": (
        "landscape.commands.connect",
        "Find out whether models lie in one valley, or how high the barrier between them is.",
    ),
    "critical": (
        "landscape.commands.critical",
        "Find out whether a model is at a minimum, a saddle or a plateau; search for others.",
    ),
    "demo": (
        "landscape.commands.demo",
        "Write a bundled model, or one with a known fault, to try the commands on.",
    ),
    "diagnose": (
        "landscape.commands.diagnose",
        "Find out why a network fails to train or to generalize, and what to do.",
    ),
    "figures": (
        "landscape.commands.figures",
        "Compute and draw the pictures of a lecture on why training fails.",
    ),
    "hessian": (
        "landscape.commands.hessian",
        "Compute the curvature: eigenvalues, trace and density, each with its error.",
    ),
    "import": (
        "landscape.commands.import_file",
        "Make a model file from a network of PyTorch or ONNX, or from safetensors.",
    ),
    "info": ("landscape.commands.info", "Show what a model file holds and how it was read."),
    "plot": (
        "landscape.commands.plot",
        "Draw a record again without recomputing it, or the log of a training.",
    ),
    "race": ("landscape.commands.race", "Train with several optimizers from one start, and rank them."),
    "report": (
        "landscape.commands.report",
        "Write a report on a model: the verdict first, then the evidence and figures.",
    ),
    "scan": ("landscape.commands.scan", "Evaluate the loss along one, two or three directions, and draw it."),
    "sharpness": (
        "landscape.commands.sharpness",
        "Measure how sharp a minimum is, and what rescaling the layers does to it.",
    ),
    "train": ("landscape.commands.train", "Train a network, and keep its history and checkpoints."),
    "study": (
        "landscape.commands.study",
        "Answer a question on training by an experiment: batch size, learning rate, stability, schedule.",
    ),
    "topology": (
        "landscape.commands.topology",
        "Find the basins of a scanned surface, and the saddles between them.",
    ),
    "trajectory": (
        "landscape.commands.trajectory",
        "Draw the path of a training over the loss on a plane.",
    ),
    "warm": (
        "landscape.commands.warm",
        "Compile all functions now, so that no later run waits for the compiler.",
    ),
}

# How `landscape --help` divides them; one that stands in no section comes first.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Begin": ("demo", "import", "info", "warm"),
    "Find out why training fails": ("diagnose", "report"),
    "Draw the loss": ("scan", "trajectory", "plot", "figures"),
    "Measure the loss around a model": ("critical", "hessian", "sharpness", "topology"),
    "Compare models": ("connect", "align"),
    "Train": ("train", "race", "study"),
}

INTERRUPTED = 130
# Characters of a word that a message repeats: a path, and not a number of a thousand digits.
LONGEST = 250


class LazyGroup(Group):
    """A group whose commands are imported by name, and whose help imports none of them."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Name the commands, in the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import the module of one command."""
        if name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[name][0]).command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands from the one-line helps, by what they are for."""
        divided = {name for names in SECTIONS.values() for name in names}
        wide = max(map(len, COMMANDS))
        others = tuple(name for name in self.list_commands(context) if name not in divided)
        for heading, names in {"Commands": others, **SECTIONS}.items():
            if names:
                with formatter.section(heading):
                    formatter.write_dl([(name.ljust(wide), COMMANDS[name][1]) for name in names])


def show_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    """Print the version, looked up only when it is asked for."""
    if asked:
        click.echo(f"landscape {current_version()}")
        context.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Show the version and exit.",
)
def group() -> None:
    """Find out why a network fails to train, by looking at its loss.

    Start with `landscape demo`, then `landscape scan digits.npz`.
    """


@silence_restored()
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    0 done; 1 the computation failed; 2 bad usage or bad input; 130 interrupted.
    """
    if arguments is None and not sys.warnoptions:
        # What overflows is told as infinite or as not found; a line of NumPy's beside it would only confuse.
        warnings.simplefilter("ignore", RuntimeWarning)
    for stream in (sys.stdout, sys.stderr):
        # A letter that the terminal's encoding lacks, or a name of a file whose bytes are no text, is no reason to lose the result.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = group.main(
            None if arguments is None else list(arguments), prog_name="landscape", standalone_mode=False
        )
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        where = f" ({error.ctx.command_path} --help shows what there is)" if error.ctx else ""
        fail(error.format_message().rstrip(".") + where, error.exit_code)
    except click.ClickException as error:
        fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt) as interruption:
        ignore_interrupts(arguments)
        say(str(interruption) or "interrupted; nothing was written")
        status = INTERRUPTED
    except InputError as error:
        fail(str(error), 2)
    except ComputationError as error:
        fail(str(error), 1)
    except (OverflowError, FloatingPointError) as error:
        fail(
            f"numbers grew beyond what a computer holds ({error}): look at the loss's scale, the weights and the data",
            1,
        )
    except OSError as error:
        fail_of_system(error)
    except MemoryError as error:
        fail(f"out of memory ({error}): try --threads 1, --dtype float32 or fewer --examples", 1)
    if status == INTERRUPTED:
        ignore_interrupts(arguments)
    sys.exit(status if isinstance(status, int) else 0)


def ignore_interrupts(arguments: Sequence[str] | None) -> None:
    """Ignore Ctrl-C on the way out of a process that runs one command; pressed again, it would end in a traceback."""
    if arguments is None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def fail_of_system(error: OSError) -> NoReturn:
    """Say in one line what the system refused, such as a line on a full device, and leave."""
    where = error.filename or "stdout"
    with contextlib.suppress(OSError, ValueError):
        # What is left in the stream would fail again at the end of the process.
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
    fail(f"{where}: {error.strerror or error}", 1)


def fail(sentence: str, status: int) -> NoReturn:
    """Say in one line why there is no result, and leave; of a very long word the middle is left out."""
    words = (word if len(word) <= LONGEST else f"{word[:40]}…{word[-40:]}" for word in sentence.split())
    with contextlib.suppress(OSError):
        click.echo("Error: " + " ".join(words), err=True)
    sys.exit(status)
