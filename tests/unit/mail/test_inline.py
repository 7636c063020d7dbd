"""Each image that the HTML shows is attached, and each that is attached is shown."""

import pytest

from outbox.errors import InvalidEmailError
from outbox.mail.attachment import Attachment
from outbox.mail.inline import refuse_unshown


def image(cid: str) -> Attachment:
    return Attachment("logo.png", b"\x89PNG", cid=cid)


@pytest.mark.parametrize(
    "html",
    [
        '<img src="cid:logo">',
        "<img src='cid:logo'>",
        "<IMG SRC=CID:logo>",
        '<td background = "cid:logo">',
        "<p style=\"background: url('cid:logo')\">",
        "<p style='background: url( cid:logo )'>",
        '<img src="cid:l%6Fgo"><img src="cid:logo">',
    ],
)
def test_an_image_is_found_wherever_html_shows_one(html: str) -> None:
    refuse_unshown(html, [image("logo"), Attachment("a.pdf", b"")])
    with pytest.raises(InvalidEmailError, match=r"^html: .*: 'cid:logo'\..*cid='logo'"):
        refuse_unshown(html, [])


@pytest.mark.parametrize("html", ["", "<p>cid:logo</p>", '<a title="cid:logo">', None])
def test_the_word_alone_shows_nothing(html: str | None) -> None:
    refuse_unshown(html, [])
    with pytest.raises(InvalidEmailError, match=r"^attachments.cid: .*: 'logo'\..*src="):
        refuse_unshown(html, [image("logo")])


def test_two_images_have_two_names() -> None:
    with pytest.raises(InvalidEmailError, match=r"^attachments.cid: is given twice: 'logo'"):
        refuse_unshown('<img src="cid:logo">', [image("logo"), image("logo")])


@pytest.mark.parametrize("cid", ["logo", "logo.png", "a" * 64, "1@example.org", "a+b_c-d"])
def test_a_name_of_plain_characters_is_one(cid: str) -> None:
    assert image(cid).cid == cid


@pytest.mark.parametrize("cid", ["", "a b", "<logo>", "logo>", "lögo", "a" * 65, "a@", "a\r\nX: y", 7])
def test_any_other_name_is_refused(cid: str) -> None:
    with pytest.raises(InvalidEmailError, match=r"^attachments.cid: "):
        image(cid)
