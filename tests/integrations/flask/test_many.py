"""Many mails by one connection share transactions, and stay with what was written for them."""

from contextlib import suppress

from tests.integrations.flask.site import Site, message_of


def test_mails_of_one_block_share_a_transaction_at_its_end(site: Site) -> None:
    with site.app.app_context(), site.mail.connect() as connection:
        for number in range(3):
            connection.send(message_of(str(number)))
        assert site.queued() == []
    assert site.queued() == ["0", "1", "2"]


def test_a_block_that_fails_has_sent_what_came_before(site: Site) -> None:
    with (
        site.app.app_context(),
        suppress(ZeroDivisionError),
        site.mail.connect() as connection,
    ):
        connection.send(message_of())
        raise ZeroDivisionError
    assert site.queued() == ["Hello"]


def test_a_block_inserts_as_many_at_once_as_mail_max_emails_says(site: Site) -> None:
    site.app.config["MAIL_MAX_EMAILS"] = 2
    site.mail.init_app(site.app)
    with site.app.app_context(), site.mail.connect() as connection:
        seen = []
        for number in range(5):
            connection.send(message_of(str(number)))
            seen.append(len(site.queued()))
    assert (seen, len(site.queued())) == ([0, 2, 2, 4, 4], 5)


def test_in_a_block_each_mail_goes_with_what_was_written_for_it(site: Site) -> None:
    with site.app.app_context(), site.mail.connect() as connection:
        for number in range(4):
            site.write(f"note {number}")
            connection.send(message_of(str(number)))
            site.session.rollback() if number % 2 else site.session.commit()
            assert len(site.queued()) == len(site.notes()) - 1 == number // 2 + 1
    assert site.queued() == ["0", "2"]


def test_what_a_block_has_collected_goes_with_a_transaction_that_is_open_at_its_end(site: Site) -> None:
    with site.app.app_context():
        with site.mail.connect() as connection:
            connection.send(message_of())
            site.write()
        assert site.queued() == []
        site.session.commit()
    assert site.queued() == ["Hello"]
