"""Streams take turns by weight, classes by priority, and nobody's flood is another's wait."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.mail.share import MOST, Shares
from outbox.mail.stream import Priority, Stream, Streams


def claimed(shares: Shares, due: Mapping[str, int], places: int, claims: int) -> Counter[str]:
    """Let a daemon claim so often from streams with so much mail; return what each had."""
    left = Counter(due)
    had: Counter[str] = Counter()
    for _ in range(claims):
        split = shares.split([name for name, count in left.items() if count], places)
        for name, count in split.items():
            took = min(count, left[name])
            shares.took(name, took)
            left[name] -= took
            had[name] += took
    return had


def test_one_stream_has_every_place() -> None:
    assert Shares().split(["default"], 40) == {"default": 40}
    assert Shares().split(["default"], 0) == {}


def test_streams_of_one_weight_share_evenly() -> None:
    assert Shares().split(["a", "b", "c", "d"], 40) == {"a": 10, "b": 10, "c": 10, "d": 10}


def test_over_many_claims_each_stream_has_its_weight() -> None:
    shares = Shares(Streams({"a": Stream(weight=3), "b": Stream(weight=1), "c": Stream(weight=0.5)}))
    had = claimed(shares, {"a": 10_000, "b": 10_000, "c": 10_000}, places=7, claims=900)
    assert {name: round(count, -1) for name, count in had.items()} == {"a": 4200, "b": 1400, "c": 700}


def test_fault_86_one_mail_of_a_tenant_goes_with_the_next_claim_whatever_another_has_waiting() -> None:
    shares = Shares()
    claimed(shares, {"a": 200_000}, places=40, claims=100)
    assert shares.split(["a", "b"], 40)["b"] >= 1
    assert shares.split(["a", "b"], 1) == {"b": 1}


def test_a_stream_that_was_silent_does_not_make_up_for_it() -> None:
    shares = Shares()
    claimed(shares, {"a": 100_000, "b": 1}, places=40, claims=100)
    had = claimed(shares, {"a": 100_000, "b": 100_000}, places=40, claims=10)
    assert abs(had["a"] - had["b"]) <= 40


def test_more_streams_than_one_claim_serves_take_turns_over_several() -> None:
    names = [f"tenant-{n:03}" for n in range(10 * MOST)]
    had = claimed(Shares(), dict.fromkeys(names, 100), places=40, claims=30)
    assert dict.fromkeys(names, 3) == had


CLASSES = Streams(
    {
        "code": Stream(priority=Priority.HIGH),
        "receipt": Stream(),
        "letter": Stream(priority=Priority.LOW),
    }
)


@pytest.mark.parametrize(
    ("places", "expected"),
    [(40, {"code": 32, "receipt": 4, "letter": 4}), (200, {"code": 160, "receipt": 20, "letter": 20})],
)
def test_the_highest_class_has_all_but_a_tenth_for_each_other(places: int, expected: dict[str, int]) -> None:
    assert expected == Shares(CLASSES).split(["letter", "receipt", "code"], places)


@pytest.mark.parametrize("places", [1, 2, 3, 7])
def test_over_claims_of_few_places_each_class_has_its_tenth(places: int) -> None:
    shares, had = Shares(CLASSES), Counter[str]()
    for _ in range(1000):
        had.update(shares.split(["letter", "receipt", "code"], places))
    # The last place of one may be owed to it still.
    assert [round(had[name] / places, -1) for name in ("code", "receipt", "letter")] == [800, 100, 100]


def test_what_is_owed_to_a_class_is_kept_while_others_are_shared_alone_and_grows_no_more() -> None:
    shares = Shares(CLASSES)
    for _ in range(9):
        shares.split(["code", "letter"], 1)
    for _ in range(100):
        shares.split(["code"], 1)
    assert [shares.split(["code", "letter"], 1) for _ in range(2)] == [{"letter": 1}, {"code": 1}]


def test_a_class_without_mail_leaves_its_places_to_the_next() -> None:
    assert Shares(CLASSES).split(["letter", "receipt"], 40) == {"receipt": 36, "letter": 4}
    assert Shares(CLASSES).split(["letter"], 40) == {"letter": 40}


def test_what_is_remembered_of_thousands_of_tenants_is_bounded() -> None:
    shares = Shares()
    for n in range(10_050):
        shares.took(f"tenant-{n}", 1)
    assert len(shares._had) == 10_000
    assert shares.split(["tenant-0", "tenant-10049"], 1) == {"tenant-0": 1}


@given(
    streams=st.dictionaries(
        st.text("abcdef", min_size=1, max_size=2),
        st.builds(Stream, weight=st.sampled_from([0.1, 1.0, 7.0]), priority=st.sampled_from(Priority)),
        min_size=1,
    ),
    places=st.integers(0, 250),
)
def test_all_places_are_given_and_only_to_streams_with_mail(streams: dict[str, Stream], places: int) -> None:
    split = Shares(Streams(streams)).split(list(streams), places)
    assert sum(split.values()) == places
    assert split.keys() <= streams.keys()
    assert all(count > 0 for count in split.values())
