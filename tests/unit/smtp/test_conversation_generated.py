"""Whatever a relay answers, one reply too many or too few, each recipient gets its own answer or none."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from outbox.smtp.conversation import Terms
from tests.support.dialogue import Driver, Manner
from tests.support.feeding import byte_by_byte

LIKELY = {
    "GREETING": [220],
    "EHLO": [250],
    "LHLO": [250],
    "MAIL": [250, 250, 250, 250, 451, 550],
    "RCPT": [250, 250, 250, 251, 450, 550],
    "DATA": [354, 354, 354, 354, 451, 554],
    "DOT": [250, 250, 250, 200, 451, 554],
    "RSET": [250],
    "QUIT": [221],
}
CUTS = [
    byte_by_byte,
    lambda data: [data],
    lambda data: [data[:-3], data[-3:]],
    lambda data: [data[:3], data[3:]],
]
ANY = [220, 250, 250, 299, 354, 354, 421, 421, 451, 550, 150, 650, 0]
sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4)
manners = st.builds(Manner, chained=st.booleans(), hesitant=st.booleans(), apart=st.booleans())


def reply(data: st.DataObject, verb: str | None, n: int, *, pipelining: bool) -> bytes:
    """Draw an answer to `verb`, with words that no other answer has."""
    wild = verb not in LIKELY or data.draw(st.integers(0, 19), "wild") == 0
    code = data.draw(st.sampled_from(ANY if wild else LIKELY[str(verb)]), f"{verb}")
    if verb in ("EHLO", "LHLO") and pipelining:
        return b"%03d-hi\r\n%03d PIPELINING\r\n" % (code, code)
    return b"%03d-answer\r\n%03d %d\r\n" % (code, code, n) if n % 3 == 0 else b"%03d %d\r\n" % (code, n)


@settings(max_examples=200)
@given(st.data(), sizes, manners, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_each_recipient_gets_its_own_answer_or_none_whatever_comes(
    data: st.DataObject, sizes: list[int], manner: Manner, others: tuple[bool, bool, bool]
) -> None:
    pipelining, lmtp, counts = others
    driver = Driver(Terms(hello="me.example", lmtp=lmtp), sizes, manner)
    said = 0
    for _ in range(60):
        asked = [question.verb for question in driver.opinion.questions]
        # One too few, one too many, or only the first.
        more = 0 if counts else data.draw(st.sampled_from([0] * 12 + [-1, 1, 1 - len(asked)]), "more")
        verbs = [*asked, None][: max(0, len(asked) + more)]
        answer = b"".join(reply(data, verb, said + n, pipelining=pipelining) for n, verb in enumerate(verbs))
        said += len(verbs)
        for piece in data.draw(st.sampled_from(CUTS), "cut")(answer):
            driver.hear(piece)
        if driver.talk.closed:
            break
    driver.hear(b"250 too late\r\n")


@given(sizes, manners, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_an_honest_relay_settles_every_recipient_and_is_left_in_good_order(
    sizes: list[int], manner: Manner, others: tuple[bool, bool, bool]
) -> None:
    pipelining, lmtp, bytewise = others
    driver = Driver(Terms(hello="me.example", lmtp=lmtp), sizes, replace(manner, hesitant=False))
    said = 0
    while not driver.talk.closed:
        verb = driver.opinion.questions[0].verb
        answer = b"%d %d\r\n" % (LIKELY[verb][0], said)
        if verb in ("EHLO", "LHLO") and pipelining:
            answer = b"250-hi\r\n250 PIPELINING\r\n"
        said += 1
        for piece in byte_by_byte(answer) if bytewise else [answer]:
            driver.hear(piece)
    assert driver.opinion.dotted == set(range(len(sizes)))
    assert set(driver.verdicts) == {(mail, n) for mail, size in enumerate(sizes) for n in range(size)}
