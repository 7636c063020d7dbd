"""What systemd runs from a checkout: the same as `outbox run`."""

from outbox.cli import main

if __name__ == "__main__":
    main(["run"])
