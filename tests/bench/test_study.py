"""What a study must reach, and how studies are asked for."""

from bench.bound import Bound
from bench.contestants import CONTESTANTS, GROUPS
from bench.questions import STUDIES
from bench.study import Goal, Study

STUDY = Study(
    "length",
    "How long it is",
    ("sqlite",),
    ("length",),
    lambda _kind, mails: [0] * mails,
    lambda found: [(str(len(found)),)],
    (Goal("length", 3, len),),
)


def test_a_goal_is_measured_by_what_the_study_found() -> None:
    assert STUDY.bounds("sqlite", STUDY.measure("sqlite", 4)) == [Bound("length, SQLite", 3, 4)]


def test_a_study_that_could_not_be_made_reaches_nothing() -> None:
    assert [bound.holds for bound in STUDY.bounds("sqlite", None)] == [False]


def test_every_name_on_the_command_line_means_one_thing() -> None:
    names = [
        *GROUPS,
        *(contestant.name for contestant in CONTESTANTS),
        *(study.name for study in STUDIES),
        *(study.part(kind) for study in STUDIES for kind in study.kinds),
    ]
    assert sorted(set(names)) == sorted(names)
