"""``{command} align``: what ``ibmea align --help`` says."""

from __future__ import annotations

from typing import Any

import click
import typer
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from ibmea_sklearn.cli import app as ibmea

WIDTH = 88


class Command(Directive):
    """The help of one command, as text."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Ask the command, and show what it says."""
        group = typer.main.get_command(ibmea)
        name = self.arguments[0]
        command = group.commands[name]  # type: ignore[attr-defined]
        parent = click.Context(group, info_name="ibmea")
        context = click.Context(
            command, parent=parent, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH
        )
        text = command.get_help(context)
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("command", Command)
    return {"parallel_read_safe": True}
