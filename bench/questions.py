"""All studies of the queue, in the order in which they are asked."""

from bench.studies.commands import COMMANDS
from bench.studies.composing import COMPOSING
from bench.studies.daemons import DAEMONS
from bench.studies.enqueue import ENQUEUE
from bench.studies.fairness import FAIRNESS
from bench.studies.follow import FOLLOW
from bench.studies.history import HISTORY
from bench.studies.intake import INTAKE
from bench.studies.journal import JOURNAL
from bench.studies.pages import PAGES
from bench.studies.peers import PEERS
from bench.studies.questions import QUESTIONS
from bench.studies.retention import RETENTION
from bench.studies.sizes import SIZES
from bench.studies.snapshot import SNAPSHOT
from bench.studies.sustained import SUSTAINED

STUDIES = (
    COMPOSING,
    SIZES,
    JOURNAL,
    INTAKE,
    ENQUEUE,
    FOLLOW,
    PEERS,
    PAGES,
    HISTORY,
    RETENTION,
    QUESTIONS,
    COMMANDS,
    SNAPSHOT,
    FAIRNESS,
    DAEMONS,
    SUSTAINED,
)
