"""The pages of the admin: who gets what and where it stands, and for staff that may, retry and cancel.

Nothing is written but by `outbox.retry` and `outbox.cancel`, in Django's transaction. Each query is answered
by an index, whatever the tables hold: nothing is counted as a whole, and only what is indexed is searched.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.timesince import timesince

from outbox.control import cancel, retry
from outbox.errors import InvalidEmailError
from outbox.integrations.django.lending import lent, outbox_connection
from outbox.integrations.django.models import Delivery
from outbox.integrations.django.routing import database
from outbox.mail.address import parse_address
from outbox.mail.request import Request
from outbox.mail.status import FINAL, Status
from outbox.store.requests import foresee
from outbox.store.search import details, find
from outbox.store.waiting import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from outbox.mail.request import Change

MOST_LISTED = 10_000
"""Deliveries that the list counts and pages through; behind them one searches."""

MOST_AT_ONCE = 1_000
"""Deliveries of which one request can ask something: all in one transaction."""

_MOST_TOLD = 5
_LONGEST_WHO = 128
_VERBS = {"retry": retry, "cancel": cancel}


class BoundedPaginator(Paginator):  # type: ignore[misc] # Django ships no types
    """Pages over the first MOST_LISTED rows: count(*) would read all of them."""

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, or MOST_LISTED."""
        return int(self.object_list.order_by().values("pk")[:MOST_LISTED].count())


class StatusFilter(admin.SimpleListFilter):  # type: ignore[misc] # as above
    """One status, in words that the partial indexes understand."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:  # noqa: ARG002 - Django's signature
        """Return the statuses."""
        return [(status.value, status.value.replace("_", " ")) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002 - as above
        """Return what is of the chosen status."""
        if self.value() is None:
            return queryset
        chosen = queryset.filter(status=self.value())
        return chosen.filter(finished_at__isnull=False) if self.value() in FINAL else chosen


@admin.register(Delivery)
class DeliveryAdmin(admin.ModelAdmin):  # type: ignore[misc] # as above
    """The list of deliveries, and of each the whole mail."""

    list_display = ("recipient", "status", "subject", "age", "attempts", "stream")
    list_filter = (StatusFilter,)
    list_select_related = ("message",)
    # Any other order would sort the whole table.
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    search_fields = ("recipient",)
    search_help_text = "An address, or a mail's id, Message-ID or key."
    actions = ("retry_selected", "cancel_selected")

    @admin.display(description="subject")  # type: ignore[untyped-decorator] # as above
    def subject(self, delivery: Delivery) -> str:
        """Return the mail's subject."""
        return str(delivery.message.subject)

    @admin.display(description="age")  # type: ignore[untyped-decorator] # as above
    def age(self, delivery: Delivery) -> str:
        """Return for how long the mail has been there."""
        return str(timesince(delivery.message.created_at))

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Refuse: mail is sent by sending it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:  # noqa: ARG002 - as above
        """Refuse: the daemon writes these tables."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:  # noqa: ARG002 - as above
        """Refuse: what was sent stays known."""
        return False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Tell whether this user may have mail tried again."""
        return bool(request.user.has_perm("email_outbox.retry_delivery"))

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Tell whether this user may take mail back."""
        return bool(request.user.has_perm("email_outbox.cancel_delivery"))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the newest first, as the index of what has ended has them."""
        return ("-finished_at", "-id") if request.GET.get("status") in FINAL else ("-id",)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - as above
        queryset: QuerySet,
        search_term: str,
    ) -> tuple[QuerySet, bool]:
        """Return what the term names as a whole: an address, or a mail; each stands in an index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        with lent(database()) as connection:
            message = find(connection, term)
        if message is not None:
            return queryset.filter(message_id=message), False
        try:
            return queryset.filter(recipient=parse_address("search", term).email), False
        except InvalidEmailError:
            return queryset.none(), False

    @admin.action(description="Try again", permissions=["retry"])  # type: ignore[untyped-decorator] # as above
    def retry_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Have deliveries tried again."""
        self._ask_for_each(request, "retry", queryset)

    @admin.action(description="Cancel", permissions=["cancel"])  # type: ignore[untyped-decorator] # as above
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Take deliveries back."""
        self._ask_for_each(request, "cancel", queryset)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002 - as above
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the whole mail of a delivery, or do what a button asks for all of its recipients."""
        delivery = self.get_object(request, object_id)
        if delivery is None:
            raise Http404
        if not self.has_view_permission(request, delivery):
            raise PermissionDenied
        may = {
            "retry": self.has_retry_permission(request),
            "cancel": self.has_cancel_permission(request),
        }
        if request.method == "POST":
            verb = next((verb for verb in _VERBS if verb in request.POST), None)
            if verb is None or not may[verb]:
                raise PermissionDenied
            with outbox_connection() as connection:
                changes = _VERBS[verb](connection, delivery.message_id, who=_who(request))
            self._tell(request, changes)
            return HttpResponseRedirect(request.path)
        with lent(database()) as connection:
            mail = details(connection, delivery.message_id)
            waits = reasons(connection, delivery.message_id)
            ids = [each["id"] for each in mail["deliveries"]]
            # A button that would do nothing for anybody says that it might.
            can = {
                verb: may[verb] and any(each.done for each in foresee(connection, ids, Request(verb)))
                for verb in _VERBS
            }
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": mail["subject"] or "(no subject)",
            "opts": self.opts,
            "mail": mail,
            "waits": waits,
            "can": can,
        }
        return TemplateResponse(request, "admin/email_outbox/mail.html", context)

    def _ask_for_each(self, request: HttpRequest, verb: str, queryset: QuerySet) -> None:
        chosen = list(queryset[: MOST_AT_ONCE + 1])
        if len(chosen) > MOST_AT_ONCE:
            self.message_user(
                request, f"Select at most {MOST_AT_ONCE:,} deliveries; nothing was changed.", messages.ERROR
            )
            return
        with outbox_connection() as connection:
            changes = [
                change
                for delivery in chosen
                for change in _VERBS[verb](
                    connection, delivery.message_id, recipient=delivery.recipient, who=_who(request)
                )
            ]
        self._tell(request, changes)

    def _tell(self, request: HttpRequest, changes: Iterable[Change]) -> None:
        """Say what came of a request, in few lines also where it was many deliveries."""
        told = Counter((change.done, change.says) for change in changes)
        for (done, says), number in told.most_common(_MOST_TOLD):
            count = "1 delivery" if number == 1 else f"{number:,} deliveries"
            self.message_user(request, f"{count}: {says}.", messages.SUCCESS if done else messages.WARNING)


def _who(request: HttpRequest) -> str:
    return str(request.user.get_username())[:_LONGEST_WHO]
