"""Whatever an application context is made for, its end settles what waits, on every database."""

import sys
from typing import Any

import pytest
from click.exceptions import Exit
from flask import Response, stream_with_context

from tests.integrations.flask.site import NEVER, Site, dropped, told


def test_a_view_that_reads_and_sends_has_queued_its_mail_when_it_has_answered(site: Site) -> None:
    @site.app.get("/")
    def index() -> str:
        site.read()
        site.send()
        return "OK"

    assert site.app.test_client().get("/").status_code == 200
    assert site.queued() == ["Hello"]


def test_a_view_that_fails_sends_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    @site.app.get("/read")
    def read() -> str:
        site.read()
        site.send()
        raise ZeroDivisionError

    @site.app.get("/write")
    def write() -> str:
        site.write()
        site.send()
        raise ZeroDivisionError

    site.app.logger.disabled = True
    client = site.app.test_client()
    assert {client.get(path).status_code for path in ("/read", "/write")} == {500}
    assert (site.queued(), site.notes()) == ([], ["first"])
    assert told(caplog) == [
        *dropped("the application context ended with ZeroDivisionError"),
        *dropped(NEVER),
    ]


def test_a_stream_sends_when_it_has_ended(site: Site) -> None:
    @site.app.get("/")
    def index() -> Response:
        def lines() -> Any:
            yield "a"
            site.read()
            site.send()
            yield "b"

        return Response(stream_with_context(lines()))

    response = site.app.test_client().get("/")
    assert response.get_data() == b"ab"
    response.close()
    assert site.queued() == ["Hello"]


def test_an_inner_context_sends_by_its_own_session(site: Site) -> None:
    with site.app.app_context():
        site.read()
        site.send("Outer")
        site.session.commit()
        with site.app.app_context():
            site.read()
            site.send("Inner")
        assert site.queued() == ["Inner", "Outer"]


def test_a_command_of_the_application_sends(site: Site) -> None:
    @site.app.cli.command("remind")
    def remind() -> None:
        site.read()
        site.send()

    result = site.app.test_cli_runner().invoke(args=["remind"])
    assert (result.exit_code, site.queued()) == (0, ["Hello"])


@pytest.mark.parametrize(("code", "expected"), [(None, ["Hello"]), (0, ["Hello"]), (1, []), ("failed", [])])
@pytest.mark.parametrize("by", ["sys", "click"])
def test_a_command_that_exits_has_sent_if_it_says_that_all_is_well(
    site: Site, by: str, code: Any, expected: list[str]
) -> None:
    @site.app.cli.command("remind")
    def remind() -> None:
        site.read()
        site.send()
        if by == "sys":
            sys.exit(code)
        raise Exit(code or 0)

    site.app.test_cli_runner().invoke(args=["remind"])
    assert site.queued() == expected


def test_a_command_that_fails_sends_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    @site.app.cli.command("remind")
    def remind() -> None:
        site.read()
        site.send()
        raise ZeroDivisionError

    assert site.app.test_cli_runner().invoke(args=["remind"]).exit_code == 1
    assert site.queued() == []
    assert told(caplog) == dropped("the application context ended with ZeroDivisionError")
