"""How the conversation with the relay is set, and what is refused of it."""

from pathlib import Path

import pytest

from outbox.errors import SettingsError
from outbox.settings import load

pytestmark = pytest.mark.usefixtures("no_settings")
NAME = "a header's name of letters, digits and '-', such as Resend-Idempotency-Key"
REPORTS = "never alone, or any of success, failure and delay, separated by ',' or as a list"


@pytest.mark.parametrize(
    ("flags", "fault"),
    [
        (
            {"smtp_protocol": "esmtp"},
            "smtp_protocol (flag --smtp-protocol): not usable: 'esmtp'. Give smtp or lmtp.",
        ),
        (
            {"smtp_tls_name": "*.example.org"},
            (
                "smtp_tls_name (flag --smtp-tls-name): no certificate holds such a name: '*.example.org'. "
                "Give a host name or an IP address."
            ),
        ),
        (
            {"smtp_client_cert": "gone.pem", "smtp_client_key": "file.pem"},
            (
                "smtp_client_cert (flag --smtp-client-cert): there is no such file, or it may not be read: "
                "'gone.pem'. Give the path of a readable PEM file."
            ),
        ),
        (
            {"smtp_client_key": "file.pem"},
            (
                "smtp_client_key (flag --smtp-client-key): a key is of no use without its certificate: "
                "'file.pem'. Give smtp_client_cert with it."
            ),
        ),
        (
            {"smtp_rate": "14"},
            (
                "smtp_rate (flag --smtp-rate): this is no rate: '14'. Give recipients and a time, such as "
                "14/s, 100/min or 5000/h."
            ),
        ),
        (
            {"smtp_rate": "0.00000001/h"},
            (
                "smtp_rate (flag --smtp-rate): this is less than one recipient a day: '0.00000001/h'. Give "
                "recipients and a time, such as 14/s, 100/min or 5000/h."
            ),
        ),
        (
            {"smtp_burst": "3"},
            (
                "smtp_burst (flag --smtp-burst): there is no rate to burst within: '3'. Give smtp_rate with "
                "it."
            ),
        ),
        (
            {"smtp_quota": "0"},
            "smtp_quota (flag --smtp-quota): not usable: '0'. Give a whole number of at least 1.",
        ),
        (
            {"smtp_pipelining": "on"},
            "smtp_pipelining (flag --smtp-pipelining): not usable: 'on'. Give auto, mail or off.",
        ),
        (
            {"smtp_dsn_notify": "never,failure"},
            (
                "smtp_dsn_notify (flag --smtp-dsn-notify): never excludes every other report: "
                f"'never,failure'. Give {REPORTS}."
            ),
        ),
        (
            {"smtp_dsn_notify": "bounce"},
            f"smtp_dsn_notify (flag --smtp-dsn-notify): not usable: 'bounce'. Give {REPORTS}.",
        ),
        (
            {"smtp_dsn_return": "full"},
            (
                "smtp_dsn_return (flag --smtp-dsn-return): no reports are asked for: 'full'. "
                "Give smtp_dsn_notify with it."
            ),
        ),
        (
            {"smtp_idempotency_header": "X Key:"},
            (
                "smtp_idempotency_header (flag --smtp-idempotency-header): this is no header's name: "
                f"'X Key:'. Give {NAME}."
            ),
        ),
        *(
            (
                {"smtp_idempotency_header": name},
                (
                    "smtp_idempotency_header (flag --smtp-idempotency-header): "
                    f"this header is written by the outbox or by relays: {name!r}. Give {NAME}."
                ),
            )
            for name in ("Message-Id", "Content-Key")
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_remedy(flags: dict[str, object], fault: str) -> None:
    Path("file.pem").touch()
    with pytest.raises(SettingsError) as caught:
        load(**flags)
    assert caught.value.faults == (fault,)


def test_reports_are_named_with_commas_or_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOX_SMTP_DSN_NOTIFY", "failure, DELAY,failure")
    assert load().smtp_dsn_notify == ("failure", "delay")
    monkeypatch.delenv("OUTBOX_SMTP_DSN_NOTIFY")
    Path("outbox.toml").write_text('smtp_dsn_notify = ["success"]\nsmtp_dsn_return = "full"')
    assert (load().smtp_dsn_notify, load().smtp_dsn_return) == (("success",), "full")
    assert load(smtp_dsn_notify="never").smtp_dsn_notify == ("never",)
