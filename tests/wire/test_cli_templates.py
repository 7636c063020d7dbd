"""`outbox lint` and `outbox preview` as a person types them."""

import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.support.calling import call, refused


@pytest.fixture(autouse=True)
def mails(alone: None) -> Path:  # noqa: ARG001 - which gives the directory
    """Write the templates of a mail into the working directory."""
    folder = Path("mails")
    folder.mkdir()
    for file, text in {
        "hello.subject": "Hello {{ name }}",
        "hello.txt": "Dear {{ name }}\n",
        "hello.html": "<p>Dear {{ name }}</p>\n",
        "hello.fr.subject": "Bonjour {{ name }}",
        "hello.fr.txt": "Cher {{ name }}\n",
        "hello.example.json": '{"name": "Ada"}',
    }.items():
        (folder / file).write_text(text)
    return folder


def test_lint_ends_with_1_where_something_is_wrong_and_with_0_where_nothing_is(mails: Path) -> None:
    sound = call("lint", "--templates", "mails")
    assert (sound.exit_code, sound.stdout) == (0, "Nothing is wrong with hello.\n")
    (mails / "hello.html").write_text("<img src='https://example.org/a.png'>{{ name }}")
    broken = call("lint", "--templates", "mails", "--bulk", "h*")
    assert broken.exit_code == 1
    assert [line.rpartition(" ")[2] for line in broken.stdout.splitlines()] == [
        "[no-alt]",
        "[no-unsubscribe]",
        "[no-unsubscribe]",
        "[no-unsubscribe]",
    ]
    unknown = call("lint", "helo", "--templates", "mails")
    assert (unknown.exit_code, unknown.stdout[:26]) == (1, "template 'helo': not found")
    ignored = call("lint", "hello", "--templates", "mails", "--ignore", "no-alt")
    assert (ignored.exit_code, ignored.stdout) == (0, "Nothing is wrong with hello.\n")


def test_lint_prints_json_for_programs(mails: Path) -> None:
    (mails / "hello.fr.txt").write_text("{{ prenom }}")
    found = call("lint", "--templates", "mails", "--json")
    assert found.exit_code == 1
    (finding,) = map(json.loads, found.stdout.splitlines())
    assert finding.pop("problem").startswith("mails/hello.fr.txt:1: reads 'prenom'")
    assert finding == {"mail": "hello", "locale": "fr", "rule": "missing-variable"}


def test_preview_lists_the_mails_with_their_languages() -> None:
    assert "hello fr\n" in call("preview", "--templates", "mails").stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "Subject: Hello Ada\n\nDear Ada\n"),
        (("--html",), "<p>Dear Ada</p>\n"),
        (("--locale", "fr-CA"), "Subject: Bonjour Ada\n\nCher Ada\n"),
        (("--context", "bob.toml"), "Subject: Hello Bob\n\nDear Bob\n"),
    ],
)
def test_preview_prints_a_mail_with_its_example_or_a_context(options: tuple[str, ...], expected: str) -> None:
    Path("bob.toml").write_text('name = "Bob"')
    shown = call("preview", "hello", "--templates", "mails", *options)
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, expected, "")


def test_preview_tells_what_is_wrong_beside_the_mail(mails: Path) -> None:
    (mails / "hello.html").write_text("<img src='https://example.org/a.png'>")
    shown = call("preview", "hello", "--templates", "mails")
    assert shown.stdout == "Subject: Hello Ada\n\nDear Ada\n"
    assert shown.stderr.endswith("[no-alt]\n")


def test_preview_tells_where_a_mail_without_an_example_gets_its_variables(mails: Path) -> None:
    (mails / "hello.example.json").unlink()
    _, complaint = refused("preview", "hello", "--templates", "mails")
    assert "'name' is undefined" in complaint
    assert "write mails/hello.example.json, or give --context." in complaint
    # Only where a variable is what it lacks.
    for part in ("subject", "txt"):
        (mails / f"hello.{part}").write_text("Hello")
    (mails / "hello.html").write_text("<a href='/login'>")
    _, complaint = refused("preview", "hello", "--templates", "mails")
    assert complaint.endswith("the host of your site.\n")


def test_preview_writes_the_parts_and_the_whole_mail_into_files(mails: Path) -> None:
    (mails / "news").mkdir()
    for file in list(mails.glob("hello.*")):
        file.rename(mails / "news" / file.name)
    shown = call("preview", "news/hello", "--templates", "mails", "--out", "seen", "--locale", "fr")
    files = {file.name: file.read_bytes() for file in Path("seen/news").iterdir()}
    assert sorted(shown.stdout.splitlines()) == sorted(f"seen/news/{name}" for name in files)
    mail = message_from_bytes(files.pop("hello.fr.eml"), policy=policy.default)
    assert files == {"hello.fr.subject": b"Bonjour Ada\n", "hello.fr.txt": b"Cher Ada"}
    assert (mail["Subject"], mail.get_content()) == ("Bonjour Ada", "Cher Ada\r\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hello", "--context", "none.json"), "context: none.json: No such file or directory."),
        (("hello", "--context", "mails/hello.txt"), "context: mails/hello.txt is broken:"),
        (("helo",), "template 'helo': not found in"),
        (("hello", "--locale", "??"), "locale: '??' is no language tag."),
        (("hello", "--out", "mails/hello.txt/x"), "--out: "),
        (("--serve", "--context", "-"), "Give a file."),
        (("--serve", "hello", "--html"), "Give its NAME, and no --serve."),
        (("--out", "seen"), "Give its NAME, and no --serve."),
        (("hello", "--locale", "fr", "--html"), "hello has no HTML part."),
    ],
)
def test_preview_says_what_it_cannot_show_and_what_to_do(arguments: tuple[str, ...], words: str) -> None:
    code, complaint = refused("preview", "--templates", "mails", *arguments)
    assert code in (64, 69)
    assert words in complaint
