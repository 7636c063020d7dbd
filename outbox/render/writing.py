"""Let a template write one part of a mail, and stop it where no mail could hold what it writes."""

from collections.abc import Mapping

from jinja2 import Template

from outbox.errors import TemplateError
from outbox.render.blocks import ABSENT, part_of


def written(template: Template, context: Mapping[str, object], largest: int | None) -> str | None:
    """Return what a template writes, None where no file has the block of its part.

    Raises TemplateError above `largest` characters, while the template still writes: a mail of as many bytes
    holds no more. Raises whatever the template raises.
    """
    pieces: list[str] = []
    size = 0
    for piece in template.generate(context):
        pieces.append(piece)
        size += len(piece)
        if largest is not None and size > largest:
            raise TemplateError(
                f"it writes more than {largest:,} characters, and max_size allows a mail no more bytes. "
                "Correct its loops, hand it less, or raise max_size."
            )
    text = "".join(pieces)
    if text.strip() == ABSENT and part_of(template.name) not in template.blocks:
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TemplateError(
            f"it writes a lone surrogate, {text[error.start]!a}, and no mail can carry half a character. "
            "Correct the variable that brought it."
        ) from error
    if ABSENT in text:
        raise TemplateError(
            "what it includes, or asks for by super(), has no block for this part. Write that block, or take "
            "the include or super() out."
        )
    return text
