"""Make the outbox that the settings describe, as an application would make its own."""

from outbox.intake import MAX_SIZE, Outbox
from outbox.render.templates import Templates
from outbox.settings import Settings


def outbox_of(settings: Settings) -> Outbox:
    """Return an outbox with the templates, the sender and the size limit of `settings`."""
    return Outbox(
        templates=settings.templates,
        translations=settings.translations,
        sender=settings.sender,
        max_size=settings.max_size or MAX_SIZE,
    )


def templates_of(settings: Settings) -> Templates:
    """Return the templates that `settings` name, which such an outbox renders."""
    return Templates(settings.templates, translations=settings.translations)
