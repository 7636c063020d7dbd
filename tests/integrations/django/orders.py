"""What an application does in its transactions: it writes a row, and sends a mail about it."""

from django.contrib.auth.models import Group
from django.core.mail import EmailMessage, send_mail

from outbox.integrations.django.models import Delivery


def message(text: str = "Thank you!", **options: object) -> EmailMessage:
    made = EmailMessage("Receipt", text, "shop@example.org", ["ada@example.org"])
    made.outbox = options
    return made


def standing(alias: str) -> tuple[int, int]:
    """Return how many mails and how many rows of the application's there are."""
    return Delivery.objects.using(alias).count(), Group.objects.using(alias).count()


def order(alias: str, name: str = "order") -> None:
    """Do what an application does: write a row of its own, and send a mail about it."""
    Group.objects.using(alias).create(name=name)
    send_mail("Receipt", "Thank you!", "shop@example.org", ["ada@example.org"])
