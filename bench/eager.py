"""The daemon, whose housekeeping begins a second after its start and hardly rests: `-m bench.eager run`."""

from outbox.cli import main
from outbox.worker import duties

if __name__ == "__main__":
    duties.KEEP_HOUSE_EVERY = 1.0
    main()
