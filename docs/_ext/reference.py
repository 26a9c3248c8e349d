"""Pages of the reference that are made of the program: the commands of their `--help`, the public names of their docstrings.

They are written into `docs/reference/generated/`, which git ignores, when a build begins.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Sphinx counts the warnings of what is named after it.
LOGGER = logging.getLogger("sphinx.landscape")
# An inch of the figures in `figures/`.
PIXELS = 300
PLACE = ROOT / "docs" / "reference" / "generated"
# What a reader looks for, and the names that belong to it; a name that is in none is listed at the end.
TOPICS: dict[str, tuple[str, ...]] = {
    "Models": (
        "Model", "Node", "Slot", "Opaque", "build_model", "new_model", "initialize", "load_model", "save_model",
        "load_opaque", "bundled", "bundled_path", "evaluate_model", "Evaluation",
    ),
    "Importers": (
        "from_torch", "from_onnx", "from_sklearn", "from_safetensors", "from_state_dict", "import_file",
    ),
    "Recording a training": (
        "Recorder", "OptaxRecorder", "SklearnRecorder", "keras_callback", "lightning_callback", "transformers_callback",
        "read_log",
    ),
    "Objectives": (
        "Objective", "NetworkObjective", "TorchObjective", "CompiledObjective", "CallableObjective", "SurfaceObjective",
        "RecomputedObjective", "complete", "compile_ahead",
    ),
    "Analyses": (
        "scan", "make_directions", "load_directions", "save_directions", "analyze_hessian", "analyze_critical",
        "search_critical", "measure_sharpness", "trajectory",
    ),
    "Minima and basins": ("connect", "align", "Connection", "analyze_topology", "Topology"),
    "Diagnosis and reports": ("diagnose", "diagnose_log", "apply_remedy", "make_report", "write_report"),
    "Training and studies": (
        "train", "train_many", "train_recipes", "Recipe", "Ensemble", "descend", "Descent", "race", "study_batch_size",
        "study_learning_rate", "study_schedule", "study_stability",
    ),
    "Records": (
        "Record", "load_record", "Scan", "Hessian", "Critical", "Sharpness", "Trajectory", "Diagnosis", "Race", "Study", "Atlas",
    ),
    "Figures": (
        "figures", "save_figures", "save_film", "style", "plot_scan", "plot_contours", "plot_surface", "plot_curves", "plot_cuts",
        "plot_slices", "plot_escape", "plot_atlas", "plot_path", "plot_out_of_plane", "plot_race", "plot_race_paths",
        "plot_sharpness", "plot_log", "plot_connection", "plot_tree", "plot_basins", "plot_barcode", "plot_persistence",
        "plot_merge_tree", "plot_comparison", "save_comparison", "Look", "looking",
    ),
    "Files for other programs": ("export_record", "save_page"),
    "Errors": ("InputError", "ComputationError", "DivergenceError"),
}  # fmt: skip


def write(name: str, text: str) -> None:
    """Write a page where it is new or has changed, so that an unchanged one is not read again."""
    path = PLACE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def help_of(command: Any, name: str, depth: int) -> list[str]:
    """Give the section of one command, and of its subcommands."""
    import click

    context = click.Context(command, info_name=f"landscape {name}", terminal_width=88, max_content_width=88)
    lines = [f"{'#' * depth} landscape {name}", "", "```text", command.get_help(context), "```", ""]
    if isinstance(command, click.Group):
        for part in command.list_commands(context):
            inner = command.get_command(context, part)
            lines += help_of(inner, f"{name} {part}", depth + 1)
    return lines


def command_pages() -> None:
    """Write what `--help` says of each command."""
    import click

    from landscape.commands import COMMANDS, group

    context = click.Context(group)
    lines = [
        "# Options of the commands", "", "What `landscape COMMAND --help` prints. [The commands](../../commands.md) says in sentences what they do.", "",
    ]  # fmt: skip
    for name in sorted(COMMANDS):
        lines += help_of(group.get_command(context, name), name, 2)
    write("options.md", "\n".join(lines))


def directive(name: str, thing: object, place: str) -> list[str]:
    """Give what makes autodoc write one public name, as that of the package."""
    kind = "autoclass" if inspect.isclass(thing) else "autofunction"
    if kind == "autoclass" and issubclass(thing, BaseException):  # type: ignore[arg-type]
        kind = "autoexception"
    lines = ["```{eval-rst}", f".. {kind}:: landscape.{name}"]
    if kind == "autoclass":
        lines += ["   :members:", *inherited(thing)]  # type: ignore[arg-type]
    return [f"## {name}", "", *lines, "```", ""]


def inherited(thing: type) -> list[str]:
    """Give the option that lists what a class has of others, where these are no public names with a section of their own."""
    import landscape

    ours = [base for base in thing.__mro__[1:] if base.__module__.partition(".")[0] == "landscape"]
    known = [base.__name__ for base in ours if base.__name__ in landscape.NAMES]
    return [f"   :inherited-members: {', '.join([*known, 'object'])}"] if len(known) < len(ours) else []


def topics() -> dict[str, tuple[str, ...]]:
    """Give the topics, with the public names that none of them has under one of their own."""
    import landscape

    listed = {name for names in TOPICS.values() for name in names}
    others = tuple(name for name in landscape.__all__ if name not in listed)
    return {**TOPICS, **({"Others": others} if others else {})}


def api_pages() -> None:
    """Write a page of public names for each topic, and their table of contents."""
    import landscape

    contents = []
    for topic, names in topics().items():
        page = topic.lower().replace(" ", "-")
        there = [name for name in names if name in landscape.NAMES]
        lines = [f"# {topic}", ""]
        for name in there:
            module = importlib.import_module(landscape.NAMES[name])
            lines += directive(name, getattr(module, name), landscape.NAMES[name])
        write(f"api/{page}.md", "\n".join(lines))
        contents.append(f"api/{page}")
    for path in (PLACE / "api").glob("*.md"):
        if f"api/{path.stem}" not in contents:  # of a topic that an earlier build had
            path.unlink()
    head = ["# Public names", "", "Everything that `import landscape` gives, by subject.", ""]
    lines = [*head, "```{toctree}", ":maxdepth: 2", "", *contents, "```", ""]
    write("api.md", "\n".join(lines))


def decision_page() -> None:
    """Write the table of contents of the decisions."""
    lines = [
        "# All decisions",
        "",
        "```{toctree}",
        ":glob:",
        ":titlesonly:",
        "",
        "../../decisions/[0-9]*",
        "```",
        "",
    ]
    write("decisions.md", "\n".join(lines))


def measure_page() -> None:
    """Write the definitions of the measures of sharpness."""
    from landscape.sharpness.table import MEASURES

    told = "As `landscape sharpness` and `landscape.measure_sharpness` take them, of the loss without weight decay."
    head = ["# Measures of sharpness", "", told, ""]
    rows = [
        "| measure | definition | its error | unchanged by rescaling | source |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, one in MEASURES.items():
        kept = [word for word, same in (("layers", one.layer), ("neurons", one.neuron)) if same]
        cells = (one.definition, one.error, " and ".join(kept) or "neither", one.source)
        rows.append(f"| `{name}` | " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    write("measures.md", "\n".join([*head, *rows, ""]))


def write_pages(app: Any) -> None:
    """Write all of them."""
    measure_page()
    command_pages()
    decision_page()
    api_pages()


def loaded(page: str) -> list[str]:
    """Give what a page would load from the network when it is read; a link to be followed is none.

    >>> loaded('<a href="https://a.org">a</a> <img src="https://b.org/b.png"> <script src="//c.org/c.js"></script>')
    ['https://b.org/b.png', '//c.org/c.js']
    """
    return re.findall(
        r"""<(?:script|img|iframe|link|source)\b[^>]*?(?:src|href)=["']((?:https?:)?//[^"']+)""", page
    )


def size_of(picture: Path) -> int:
    """Read the width in pixels of a PNG, which stands in its first chunk."""
    return int.from_bytes(picture.read_bytes()[16:20])


def size_pictures(app: Any, doctree: Any) -> None:
    """Show figures in the size that they were drawn for, half as large again: letters are then as large as the text's."""
    from docutils import nodes

    for image in doctree.findall(nodes.image):
        picture = ROOT / image["uri"]
        if picture.suffix == ".png" and picture.is_file() and "width" not in image:
            image["width"] = f"{round(size_of(picture) / PIXELS * 96 * 1.5)}px"


def look_at_pages(app: Any, error: Exception | None) -> None:
    """Warn of each page that needs the network, which ends a build with warnings as errors."""
    if error is None and app.builder.format == "html":
        for page in sorted(Path(app.outdir).rglob("*.html")):
            for address in loaded(page.read_text(encoding="utf-8")):
                LOGGER.warning("%s loads %s when it is read", page.name, address)


def setup(app: Any) -> dict[str, bool]:
    """Write the pages when a build begins."""
    app.connect("builder-inited", write_pages)
    app.connect("doctree-read", size_pictures)
    app.connect("build-finished", look_at_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
