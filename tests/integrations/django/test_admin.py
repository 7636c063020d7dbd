"""The admin shows where mail stands, and lets those who may do something about it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.test import Client
from django.test.testcases import LiveServerThread
from django.test.utils import CaptureQueriesContext
from selenium import webdriver
from selenium.webdriver.common.by import By

import outbox
from outbox.integrations.django import admin as pages
from outbox.integrations.django import outbox_connection
from outbox.integrations.django.models import Delivery
from tests.support.browser import browser, seen

LIST = "/admin/email_outbox/delivery/"
_PASSWORD = "s3cret-s3cret"


def user(alias: str, *permissions: str, name: str = "ann") -> User:
    User.objects.using(alias).filter(username=name).delete()
    made = User.objects.db_manager(alias).create_user(name, password=_PASSWORD, is_staff=True)
    wanted = Permission.objects.using(alias).filter(
        content_type__app_label="email_outbox", codename__in=permissions
    )
    assert len(wanted) == len(permissions)
    made.user_permissions.set(wanted)
    return made


def client(alias: str, *permissions: str) -> Client:
    made = Client()
    made.force_login(user(alias, *permissions))
    return made


def mail(to: Any = "ada@example.org", subject: str = "Receipt", **more: Any) -> int:
    """Queue a mail and return the id of its first delivery."""
    with outbox_connection() as connection:
        id_ = outbox.enqueue(
            connection, sender="shop@example.org", to=to, subject=subject, text="the secret body", **more
        )
        found = outbox.status(connection, id_)
    assert found is not None
    return found.deliveries[0].id


def fail(alias: str, delivery: int, reply: str = "no such user") -> None:
    """Let a relay refuse it for good."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "UPDATE outbox_delivery SET status = 'failed', finished_at = CURRENT_TIMESTAMP, relay = 'mx', "
            "reply_code = 550, reply = %s, attempts = 1 WHERE id = %s",
            [reply, delivery],
        )


def rows(page: Any) -> list[str]:
    """Return the recipients that the list shows."""
    return re.findall(r'class="field-recipient"><a[^>]*>([^<]*)<', page.content.decode())


def status(alias: str, delivery: int) -> str:
    return str(Delivery.objects.using(alias).get(pk=delivery).status)


def test_the_list_shows_the_newest_first_and_what_they_are_about(alias: str) -> None:
    first, second = mail(subject="One"), mail("bob@example.org", "Two <b>")
    page = client(alias, "view_delivery").get(LIST)
    assert rows(page) == ["bob@example.org", "ada@example.org"]
    assert "Two &lt;b&gt;" in page.content.decode()
    assert first < second


def test_the_list_is_of_one_status(alias: str) -> None:
    fail(alias, mail("ada@example.org"))
    mail("bob@example.org")
    viewer = client(alias, "view_delivery")
    assert rows(viewer.get(LIST, {"status": "failed"})) == ["ada@example.org"]
    assert rows(viewer.get(LIST, {"status": "pending"})) == ["bob@example.org"]
    assert rows(viewer.get(LIST, {"status": "sent"})) == []


def test_a_search_finds_an_address_an_id_a_message_id_and_a_key(alias: str) -> None:
    mail("Bob <bob@example.org>")
    found = Delivery.objects.using(alias).select_related("message").get(pk=mail(key="receipt-42"))
    viewer = client(alias, "view_delivery")
    for term in (
        "ada@EXAMPLE.org",
        str(found.message.id),
        found.message.message_id,
        "receipt-42",
        " receipt-42 ",
    ):
        assert rows(viewer.get(LIST, {"q": term})) == ["ada@example.org"], term
    for term in ("eve@example.org", "Receipt", "%", "00000000-0000-0000-0000-000000000000"):
        assert rows(viewer.get(LIST, {"q": term})) == [], term


def test_a_page_shows_a_mail_with_the_relay_s_words_and_without_its_body(alias: str) -> None:
    delivery = mail(["ada@example.org", "bob@example.org"], key="receipt-42", tags={"order": 42})
    fail(alias, delivery, "no such user <script>")
    page = client(alias, "view_delivery").get(f"{LIST}{delivery}/change/").content.decode()
    for words in (
        "ada@example.org",
        "bob@example.org",
        "no such user &lt;script&gt;",
        "receipt-42",
        "Tag order",
    ):
        assert words in page
    assert "secret body" not in page
    assert '<form method="post" id="outbox-requests">' not in page


def test_those_who_may_retry_and_cancel(alias: str) -> None:
    delivery = mail()
    fail(alias, delivery)
    clerk = client(alias, "view_delivery", "retry_delivery", "cancel_delivery")
    path = f"{LIST}{delivery}/change/"
    page = clerk.post(path, {"retry": "1"}, follow=True).content.decode()
    assert "1 delivery: it is tried again now, as if for the first time." in page
    assert status(alias, delivery) == "pending"
    page = clerk.post(path, {"cancel": "1"}, follow=True).content.decode()
    assert "1 delivery: it is taken back and will not be sent." in page
    assert status(alias, delivery) == "cancelled"
    # Who asked stays with the mail.
    assert page.count("<td>ann</td>") == 2


def test_a_button_is_there_where_it_would_do_something(alias: str) -> None:
    delivery = mail()
    clerk = client(alias, "view_delivery", "retry_delivery", "cancel_delivery")

    def buttons() -> list[str]:
        page = clerk.get(f"{LIST}{delivery}/change/").content.decode()
        return re.findall(r'<input type="submit" name="(\w+)" value="(?:Try again now|Cancel)">', page)

    assert buttons() == ["cancel"]
    fail(alias, delivery)
    assert buttons() == ["retry"]
    with outbox_connection() as connection:
        outbox.retry(connection, Delivery.objects.using(alias).get(pk=delivery).message_id)
        outbox.cancel(connection, Delivery.objects.using(alias).get(pk=delivery).message_id)
    assert buttons() == []


def test_actions_are_for_the_selected_recipients_alone(alias: str) -> None:
    delivery = mail(["ada@example.org", "bob@example.org"])
    clerk = client(alias, "view_delivery", "cancel_delivery")
    page = clerk.post(LIST, {"action": "cancel_selected", "_selected_action": [delivery]}, follow=True)
    assert "1 delivery: it is taken back" in page.content.decode()
    assert [*Delivery.objects.using(alias).order_by("pk").values_list("status", flat=True)] == [
        "cancelled",
        "pending",
    ]


def test_too_many_at_once_are_refused_and_untouched(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_AT_ONCE", 2)
    several = [mail() for _ in range(3)]
    clerk = client(sqlite, "view_delivery", "cancel_delivery")
    page = clerk.post(LIST, {"action": "cancel_selected", "_selected_action": several}, follow=True)
    assert "Select at most 2 deliveries; nothing was changed." in page.content.decode()
    assert {status(sqlite, each) for each in several} == {"pending"}


@pytest.mark.parametrize("permissions", [("view_delivery",), ("view_delivery", "retry_delivery")])
def test_whoever_may_not_cancels_nothing(sqlite: str, permissions: tuple[str, ...]) -> None:
    delivery = mail()
    viewer = client(sqlite, *permissions)
    path = f"{LIST}{delivery}/change/"
    assert viewer.post(path, {"cancel": "1"}).status_code == 403
    assert viewer.post(path, {"delete": "1"}).status_code == 403
    viewer.post(LIST, {"action": "cancel_selected", "_selected_action": [delivery]})
    assert status(sqlite, delivery) == "pending"
    assert 'name="cancel"' not in viewer.get(path).content.decode()


def test_whoever_may_not_view_sees_nothing(sqlite: str) -> None:
    delivery = mail()
    stranger = client(sqlite)
    for path in (LIST, f"{LIST}{delivery}/change/"):
        assert stranger.get(path).status_code == 403
    assert Client().get(LIST).status_code == 302


def test_nobody_adds_changes_or_deletes(sqlite: str) -> None:
    delivery = mail()
    everything = Client()
    root = user(sqlite, name="root")
    root.is_superuser = True
    root.save(using=sqlite)
    everything.force_login(root)
    assert everything.get(f"{LIST}add/").status_code == 403
    assert everything.get(f"{LIST}{delivery}/delete/").status_code == 403
    assert everything.get(f"{LIST}4711/change/").status_code == 404
    assert everything.get(f"{LIST}nonsense/change/").status_code == 404


def test_the_list_counts_no_further_than_it_pages(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_LISTED", 2)
    for _ in range(3):
        mail()
    viewer = client(alias, "view_delivery")
    with CaptureQueriesContext(connections[alias]) as queries:
        page = viewer.get(LIST)
    assert re.search(r"2\s+deliveries", page.content.decode())
    counts = [each["sql"] for each in queries if "COUNT(*)" in each["sql"]]
    assert counts
    assert all("LIMIT 2" in sql for sql in counts)


@pytest.fixture
def address(sqlite: str) -> Iterator[str]:
    """Give the address of the project, served as by runserver."""
    assert Delivery.objects.using(sqlite).count() == 0
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()


def text(driver: webdriver.Chrome, selector: str) -> str:
    return seen(driver, lambda page: page.find_element(By.CSS_SELECTOR, selector)).text


def test_a_person_finds_a_mail_and_has_it_tried_again_and_taken_back(
    address: str, sqlite: str, tmp_path: Path
) -> None:
    user(sqlite, "view_delivery", "retry_delivery", "cancel_delivery")
    delivery = mail(key="receipt-42")
    fail(sqlite, delivery)
    mail("bob@example.org", "Another")
    with browser(tmp_path / "profile") as driver:
        driver.get(f"{address}{LIST}")
        seen(driver, lambda page: page.find_element(By.ID, "id_username")).send_keys("ann")
        driver.find_element(By.ID, "id_password").send_keys(_PASSWORD)
        driver.find_element(By.CSS_SELECTOR, "input[type=submit]").click()
        seen(driver, lambda page: page.find_element(By.LINK_TEXT, "bob@example.org"))
        driver.find_element(By.LINK_TEXT, "failed").click()
        seen(driver, lambda page: not page.find_elements(By.LINK_TEXT, "bob@example.org"))
        driver.find_element(By.LINK_TEXT, "ada@example.org").click()
        assert "no such user" in text(driver, "#outbox-deliveries")
        assert text(driver, "#outbox-status") == "failed"
        driver.find_element(By.NAME, "retry").click()
        assert "it is tried again now" in text(driver, ".messagelist .success")
        assert text(driver, "#outbox-status") == "pending"
        driver.find_element(By.NAME, "cancel").click()
        seen(driver, lambda page: page.find_element(By.ID, "outbox-status").text == "cancelled")
        assert "ann" in text(driver, "#outbox-attempts")

        driver.find_element(By.LINK_TEXT, "Deliveries").click()
        box = seen(driver, lambda page: page.find_element(By.ID, "searchbar"))
        box.send_keys("bob@example.org")
        box.submit()
        seen(driver, lambda page: not page.find_elements(By.LINK_TEXT, "ada@example.org"))
        driver.find_element(By.CSS_SELECTOR, "input.action-select").click()
        driver.find_element(By.CSS_SELECTOR, "select[name=action] option[value=cancel_selected]").click()
        driver.find_element(By.NAME, "index").click()
        assert "1 delivery: it is taken back" in text(driver, ".messagelist .success")
