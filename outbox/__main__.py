"""`python -m outbox`: the same as the command `outbox`."""

from outbox.cli import main

if __name__ == "__main__":
    main()
