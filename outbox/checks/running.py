"""Run checks beside each other, each in a thread of its own, and give up those that take too long."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outbox.errors import OutboxError
from outbox.findings import Finding, fault, outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Check:
    """What is looked at, and how: findings come one by one, so that an end in the middle keeps the first."""

    subject: str
    look: Callable[[], Iterable[Finding]]


@dataclass(slots=True)
class _Run:
    check: Check
    findings: list[Finding] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        try:
            for finding in self.check.look():
                self.findings.append(finding)
        except OutboxError as error:
            self.findings.append(fault(self.check.subject, str(error).rstrip("."), ""))
        except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
            remedy = "This is a fault of ours: report it, please."
            told = f"unexpected {type(error).__name__}: {error}"
            self.findings.append(fault(self.check.subject, told, remedy))
        finally:
            self.done.set()


def run_checks(checks: Sequence[Check], seconds: float) -> Iterator[Finding]:
    """Run all at once; yield what each has found, in their order, for `seconds` together at the most."""
    runs = [_Run(check) for check in checks]
    deadline = time.monotonic() + seconds
    for run in runs:
        # Daemons: one that hangs in a resolver must not hold up the end of the process.
        threading.Thread(target=run.work, name=f"check {run.check.subject}", daemon=True).start()
    for run in runs:
        is_done = run.done.wait(max(0.0, deadline - time.monotonic()))
        yield from [*run.findings]
        if not is_done:
            told = f"no end after {seconds:g} seconds; what follows was not looked at"
            yield outage(run.check.subject, told, "Look at what hangs.")
