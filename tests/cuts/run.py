"""Try every fault at every byte of every conversation: `python -m tests.cuts.run`; see `make cuts`.

Prints, for each conversation, how many positions were tried, what was lost, and which duplicates no doubt
explains; ends with an error if there was anything of the two. Names, in part, as arguments choose
conversations.
"""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cuts.conversations import conversations
from tests.cuts.sweep import Tally, every_fault, sweep

_SHOWN = 20
"""Lines that are shown of what went wrong in one conversation."""


def sweep_all(n: int) -> Tally:
    """Try every fault in the conversation number `n`."""
    with TemporaryDirectory() as folder:
        conversation = conversations(Path(folder))[n]
        return sweep(conversation, every_fault(conversation))


def main() -> None:
    """Try all, some at a time, and print the account."""
    with TemporaryDirectory() as folder:
        names = [each.name for each in conversations(Path(folder))]
    chosen = [n for n, name in enumerate(names) if all(part in name for part in sys.argv[1:])]
    kinds: Counter[str] = Counter()
    total = Tally("all")
    with ProcessPoolExecutor() as pool:
        # The longest, those under TLS, stand last in the list and begin first.
        for tally in pool.map(sweep_all, reversed(chosen)):
            print(tally, flush=True)  # noqa: T201 what this program is for
            for line in [*tally.lost[:_SHOWN], *tally.unexplained[:_SHOWN]]:
                print("   ", line)  # noqa: T201 as above
            kinds.update(tally.by_kind)
            total.add(tally)
    print(total)  # noqa: T201 as above
    print(", ".join(f"{kind} {n}" for kind, n in kinds.items()))  # noqa: T201 as above
    sys.exit(bool(total.lost or total.unexplained or not total.tried))


if __name__ == "__main__":
    main()
