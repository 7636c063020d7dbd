"""A stream's mail takes the first of its relays that is not down, and those before it take one to try it."""

import pytest

from outbox.mail.route import Routes
from outbox.mail.stream import Stream, Streams

STREAMS = Streams(
    {
        "default": Stream(("main", "backup")),
        "bulk": Stream(("cheap", "main", "backup")),
        "there": Stream(("foreign", "main")),
        "last": Stream(("main", "foreign")),
    }
)
OURS = ("main", "backup", "cheap")


def routes(*down: str, unnamed: tuple[str, ...] = ()) -> Routes:
    return Routes(STREAMS, OURS, unnamed, lambda relay: relay in down)


@pytest.mark.parametrize(
    ("down", "stream", "through", "serve"),
    [
        ((), "default", "main", {"main"}),
        ((), "tenant-42", "main", {"main"}),
        (("main",), "default", "backup", {"main", "backup"}),
        (("main",), "bulk", "cheap", {"cheap"}),
        (("cheap",), "bulk", "main", {"cheap", "main"}),
        (("cheap", "main"), "bulk", "backup", {"cheap", "main", "backup"}),
        (("main", "backup"), "default", None, {"main", "backup"}),
        (("main",), "there", "foreign", set()),
        (("main",), "last", "foreign", {"main"}),
    ],
)
def test_the_next_relay_takes_over_and_one_that_is_down_may_still_be_tried(
    down: tuple[str, ...], stream: str, through: str | None, serve: set[str]
) -> None:
    found = routes(*down)
    assert through == found.through(stream)
    assert serve == {relay for relay in OURS if found.serves(relay, stream)}


def test_a_stream_that_names_no_relay_goes_by_what_the_daemon_says() -> None:
    known = Streams({"bulk": Stream(("ses",))})
    assert Routes(known, ["mx"], ("mx",)).serves("mx", "any")
    assert not Routes(known, ["ses"]).serves("ses", "any")
    assert Routes(known, ["ses"]).serves("ses", "bulk")


def test_only_streams_that_may_ever_go_through_a_relay_of_ours_concern_us() -> None:
    found = Routes(STREAMS, ["backup"])
    concerned = [stream for stream in STREAMS.known if found.concerns(stream)]
    assert concerned == ["default", "bulk"]


def test_what_goes_another_way_than_its_own_is_told_by_name() -> None:
    assert routes().rerouted() == {}
    assert routes("main").rerouted() == {"default": "backup", "last": "foreign"}
    assert routes("main", "backup").rerouted() == {"default": None, "last": "foreign"}


def test_a_mail_that_one_of_these_relays_may_have_stays_with_it() -> None:
    found = routes("main")
    assert found.ways("default", "main") == ("main",)
    assert found.first_up(found.ways("default", "main")) is None
    assert found.ways("default", "gone") == found.ways("default") == ("main", "backup")
