"""A token comes fresh from its file or its command, once for all who ask, and stays out of every error."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from outbox.delivery.token import CommandToken, FileToken, TokenError

TOKEN = "ya29.sesame-token"
SHELL_WORDS = "$(id); 'x' | cat"


class Clock:
    """Seconds that only a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def printing(code: str, *arguments: str, patience: float = 30) -> CommandToken:
    """Return the source whose command is the Python `code`."""
    return CommandToken((sys.executable, "-c", code, *arguments), Clock(), patience)


def counting(folder: Path, clock: Clock) -> CommandToken:
    """Return a source whose tokens are numbered by its runs."""
    code = """if True:
        import sys
        with open(sys.argv[1], "a+") as runs:
            runs.write("x")
            print(f"token-{runs.tell()}")
    """
    return CommandToken((sys.executable, "-c", code, str(folder / "runs")), clock)


def error_of(get: Callable[[], Awaitable[str]]) -> str:
    async def fetch() -> str:
        return await get()

    with pytest.raises(TokenError) as caught:
        asyncio.run(fetch())
    assert "sesame" not in repr((caught.value, caught.value.__cause__, caught.value.__context__))
    return str(caught.value)


def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    source = FileToken(path)
    path.write_text(f"  {TOKEN}-1\r\n")
    assert asyncio.run(source.get()) == f"{TOKEN}-1"
    path.write_text(f"{TOKEN}-2")
    source.refused()
    assert asyncio.run(source.get()) == f"{TOKEN}-2"


WRONG = [
    (b"", "gives nothing: it must give the token in one line"),
    (b" \n\n", "gives nothing: it must give the token in one line"),
    *(
        (
            content,
            (
                "gives something else than one token: it must give one line of printable ASCII "
                "without spaces, and without the word Bearer"
            ),
        )
        for content in (b"sesame\nsesame", b"Bearer sesame", b"sesame\1", "sésame".encode(), b"sesame\0")
    ),
    (b"sesame" * 20_000, "gives more than 65536 bytes: it must give one token and nothing else"),
]


@pytest.mark.parametrize(("content", "expected"), WRONG, ids=lambda value: repr(value)[:30])
def test_only_one_line_of_printable_ascii_is_a_token(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    assert error_of(FileToken(path).get) == f"the token file {path} {expected}"
    command = printing("import sys; sys.stdout.write(open(sys.argv[1], newline='').read())", str(path))
    assert error_of(command.get) == f"the token command {sys.executable} {expected}"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reasons = {
        tmp_path / "missing": "No such file or directory",
        tmp_path: "Is a directory",
        pipe: "it is no regular file",
    }
    for path, reason in reasons.items():
        assert error_of(FileToken(path).get) == (
            f"the token file {path} cannot be read: {reason}; "
            "let what renews the token write it there, readable for the daemon"
        )


def test_a_command_is_run_without_a_shell_and_without_our_input() -> None:
    code = "import sys; assert sys.stdin.read() == ''; print('token' if sys.argv[1] == %r else 'shell')"
    ours, input_end = os.pipe()
    os.write(input_end, b"ours")
    os.close(input_end)
    kept = os.dup(0)
    os.dup2(ours, 0)
    try:
        assert asyncio.run(printing(code % SHELL_WORDS, SHELL_WORDS).get()) == "token"
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(ours)


def test_sixteen_connections_share_one_run_and_its_token_for_a_minute(tmp_path: Path) -> None:
    clock = Clock()
    source = counting(tmp_path, clock)

    async def ask() -> list[set[str]]:
        answers = [set(await asyncio.gather(*(source.get() for _ in range(16))))]
        for seconds in (59.9, 0.2):
            clock.now += seconds
            answers.append({await source.get()})
        return answers

    assert asyncio.run(ask()) == [{"token-1"}, {"token-1"}, {"token-2"}]


def test_a_refused_token_is_forgotten(tmp_path: Path) -> None:
    source = counting(tmp_path, Clock())

    async def ask() -> list[str]:
        first = await source.get()
        source.refused()
        return [first, await source.get(), await source.get()]

    assert asyncio.run(ask()) == ["token-1", "token-2", "token-2"]


def test_a_connection_that_gives_up_does_not_end_the_run_of_the_others(tmp_path: Path) -> None:
    source = counting(tmp_path, Clock())

    async def ask() -> str:
        leaver, stayer = (asyncio.create_task(source.get()) for _ in range(2))
        await asyncio.sleep(0)
        leaver.cancel()
        return await stayer

    assert asyncio.run(ask()) == "token-1"


def test_a_failure_is_shared_but_not_kept(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    source = printing("import sys; print(open(sys.argv[1]).read())", str(gate))

    async def ask() -> tuple[set[str], str]:
        failed = await asyncio.gather(*(source.get() for _ in range(3)), return_exceptions=True)
        gate.write_text("token")
        return {type(each).__name__ for each in failed}, await source.get()

    assert asyncio.run(ask()) == ({"TokenError"}, "token")


def test_a_command_that_fails_is_quoted_by_its_last_line_escaped_and_bounded() -> None:
    code = "import sys; sys.stderr.write('first\\n\\x1b[31m' + 'x' * 300 + '\\n'); sys.exit(3)"
    quoted = "\\x1b[31m" + "x" * 192
    assert error_of(printing(code).get) == (
        f"the token command {sys.executable} failed with status 3, saying: {quoted}"
    )
    assert error_of(printing("import sys; sys.exit(1)").get) == (
        f"the token command {sys.executable} failed with status 1"
    )


def test_a_command_that_traces_its_token_does_not_bring_it_into_the_error() -> None:
    code = f"import sys; print('{TOKEN}'); sys.stderr.write('+ echo {TOKEN}'); sys.exit(1)"
    assert error_of(printing(code).get) == (
        f"the token command {sys.executable} failed with status 1, saying: + echo <secret>"
    )


def test_a_command_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    expected = {
        (
            absent,
        ): f"the token command {absent} cannot be started: No such file or directory; give its whole path",
        ("true", "\0"): "the token command true cannot be started: embedded null byte; give its whole path",
    }
    for command, words in expected.items():
        assert error_of(CommandToken(command, Clock()).get) == words


def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    # The grandchild holds stdout and the pipe open; its parent is gone long before it is killed.
    code = "import os, sys; alive = open(sys.argv[1], 'w'); os.fork() or __import__('time').sleep(600)"
    words = error_of(printing(code, str(tmp_path / "alive"), patience=1).get)
    assert words == (
        f"the token command {sys.executable} did not end within 1 seconds: it must print the token and end"
    )
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # every writer is dead
    os.close(reader)


def test_a_command_that_prints_for_ever_is_stopped_at_once() -> None:
    code = "while True: print('sesame' * 1000)"
    assert error_of(printing(code).get) == (
        f"the token command {sys.executable} gives more than 65536 bytes: "
        "it must give one token and nothing else"
    )


def test_a_daemon_that_leaves_leaves_no_command_behind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    code = (
        "import sys, time; alive = open(sys.argv[1], 'w'); alive.write('x'); alive.flush(); time.sleep(600)"
    )
    source = printing(code, str(tmp_path / "alive"))

    async def leave_early() -> None:
        asking = asyncio.create_task(source.get())
        started = asyncio.Event()
        asyncio.get_running_loop().add_reader(reader, started.set)
        await started.wait()
        asyncio.get_running_loop().remove_reader(reader)
        asking.cancel()

    asyncio.run(leave_early())
    os.set_blocking(reader, True)
    assert os.read(reader, 10) == b"x"
    assert os.read(reader, 10) == b""
    os.close(reader)
