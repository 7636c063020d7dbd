"""What the daemon makes of verdicts, without a database: done, again, or again with a record of the doubt."""

from collections import Counter
from functools import partial

from outbox.delivery.mail import Envelope, Mail
from outbox.mail.verdict import InDoubt, Rejected, Sent, Verdict
from tests.cuts.mails import POSTS, Post, address


class Daemon:
    """The queue of one trial: gives out what is left, keeps how each recipient ended and what was doubted."""

    def __init__(self) -> None:
        self.ends: dict[str, Verdict] = {}
        self.doubts: Counter[str] = Counter()
        self.stages: set[str] = set()
        self.unasked: list[str] = []
        """Verdicts on what nobody had asked for, or told twice."""
        self._waiting: list[Post] = []
        self._under_way: set[str] = set()

    @property
    def done(self) -> bool:
        """Whether every recipient has its end."""
        return all(recipient in self.ends for post in POSTS for recipient in post.recipients)

    def begin_round(self) -> None:
        """Put everything in the queue that has no end yet."""
        self._waiting = list(POSTS)
        self._under_way.clear()

    def next_mail(self) -> Mail | None:
        """Give the next mail, to those of its recipients that have no end."""
        while self._waiting:
            post = self._waiting.pop(0)
            left = tuple(each for each in post.recipients if each not in self.ends)
            if left:
                self._under_way.add(post.letter)
                envelope = Envelope(post.sender, tuple(map(address, left)), post.message)
                return Mail(envelope, lambda: None, partial(self._settled, post, left))
        return None

    def _settled(self, post: Post, recipients: tuple[str, ...], verdicts: list[Verdict]) -> None:
        if post.letter not in self._under_way or len(verdicts) != len(recipients):
            self.unasked.append(post.letter)
        self._under_way.discard(post.letter)
        for recipient, verdict in zip(recipients, verdicts, strict=False):
            self.stages.add(getattr(verdict, "stage", ""))
            self.settle(recipient, verdict)

    def settle(self, recipient: str, verdict: Verdict) -> None:
        """Note one verdict; what is neither final nor in doubt just goes again."""
        match verdict:
            case Sent() | Rejected():
                self.ends[recipient] = verdict
            case InDoubt():
                self.doubts[recipient] += 1
            case _:
                pass
