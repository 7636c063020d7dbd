"""`outbox completion`: the script that completes our commands in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_VARIABLE = "_OUTBOX_COMPLETE"
_PROGRAM = "outbox"


_HELP = """Print the script that completes outbox commands in this SHELL.

\b
bash: eval "$(outbox completion bash)" in ~/.bashrc
zsh:  eval "$(outbox completion zsh)" in ~/.zshrc
fish: outbox completion fish > ~/.config/fish/completions/outbox.fish
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script for this shell."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"This release of click knows no {shell}.")
    script = found(context.find_root().command, {}, _PROGRAM, _VARIABLE)
    # As `source` does it, which for bash also starts one, to learn its version.
    click.echo(script.source_template % script.source_vars())
