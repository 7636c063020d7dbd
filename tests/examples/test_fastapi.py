"""The shop on FastAPI takes an order, and its own daemon sends the mail."""

from pathlib import Path

import httpx

from tests.examples.running import running
from tests.support.waiting import wait_until


def test_an_order_is_confirmed_by_mail_and_the_page_tells_so(tmp_path: Path) -> None:
    with running("fastapi", tmp_path) as shop, httpx.Client(base_url=shop.address) as browser:
        for tea in ("Green", "Earl <Grey>"):
            answer = browser.post("/orders", data={"email": "ada@example.org", "tea": tea})
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
        refused = browser.post("/orders", data={"email": "nobody", "tea": "Green"})
        assert (refused.status_code, refused.json()["detail"][:28]) == (422, "to: has no @: 'nobody'. Give")
        assert [(mail["To"], mail["Subject"]) for mail in shop.mails(2)] == [
            ("ada@example.org", "Your order 1"),
            ("ada@example.org", "Your order 2"),
        ]
        wait_until(lambda: browser.get("/").text.count("mail sent") == 2, "the page tells that both are sent")
        assert "<li>2: Earl &lt;Grey&gt;, mail sent<li>1: Green, mail sent" in browser.get("/").text
