"""The page on the SMTP conversation draws the table that the code obeys."""

import re
from pathlib import Path

from outbox.smtp.stage import Stage
from outbox.smtp.transitions import TABLE, Transition

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "smtp.md").read_text(encoding="utf-8")

OWN_STEPS = [
    (Stage.TLS, Stage.EHLO, "TLS is there"),
    (Stage.IDLE, Stage.MAIL_FROM, "the next mail"),
    (Stage.IDLE, Stage.RSET, "a long silence"),
    (Stage.BODY, Stage.END_OF_DATA, "the dot"),
    (Stage.IDLE, Stage.QUIT, "no more mail"),
]
"""What we do without an answer."""


def drawn() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{stage}" as {stage.name}' for stage in Stage if stage is not Stage.CONNECT]
    lines.append(f"    [*] --> {Stage.GREETING.name}")
    for stage, answers in TABLE.items():
        kinds: dict[Transition, list[int]] = {}
        for kind, transition in answers.items():
            kinds.setdefault(transition, []).append(kind)
        for transition, digits in kinds.items():
            label = f"{', '.join(f'{digit}yz' for digit in digits)}: {transition.act}"
            targets = [target.name for target in transition.then] or ["[*]"]
            # A colon would end the label's target; Mermaid takes the rest of the line as it stands.
            lines += [f"    {stage.name} --> {target}: {label.replace(': ', ' - ')}" for target in targets]
    lines += [f"    {source.name} --> {target.name}: {words}" for source, target, words in OWN_STEPS]
    return "\n".join(lines)


def test_the_diagram_is_drawn_from_the_table() -> None:
    found = re.search(r"<!-- diagram.*?-->\n```mermaid\n(.*?)\n```", PAGE, re.DOTALL)
    assert found is not None
    assert drawn() == found.group(1)


def test_every_answer_outside_the_table_is_counted() -> None:
    missing = sum(10 - len(answers) for answers in TABLE.values())
    assert f"the other {missing} pairs" in PAGE
