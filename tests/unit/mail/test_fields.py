"""A header is taken apart into fields that join to the same bytes, whatever it is."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from outbox.mail.fields import Field, lines_ended, taken_apart

PIECES = st.sampled_from([b"a:", b"A-b: ", b" ", b"\t", b"x", b":", b"\r\n", b"\r", b"\n", b"\xff", b"\0"])


@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_lines_end_with_crlf_and_with_nothing_else(mime: bytes) -> None:
    ended = lines_ended(mime)
    assert b"\r" not in ended.replace(b"\r\n", b"")
    assert b"\n" not in ended.replace(b"\r\n", b"")
    assert ended.endswith(b"\r\n") or not mime
    assert ended == lines_ended(ended)
    assert ended.translate(None, b"\r\n") == mime.translate(None, b"\r\n")


@given(st.lists(PIECES, max_size=30).map(b"".join).map(lines_ended))
def test_fields_are_the_lines_with_a_name_and_their_folds(mime: bytes) -> None:
    fields, body = taken_apart(mime)
    header = b"".join(field.raw for field in fields)
    rest = mime.removeprefix(header)
    assert mime == header + rest
    for field in fields:
        first, *folds = field.raw.removesuffix(b"\r\n").split(b"\r\n")
        assert first.startswith(b":", len(field.name))
        assert first[: len(field.name)].lower() == field.name.encode()
        assert all(fold[:1] in {b" ", b"\t"} for fold in folds)
    # What comes behind the last one is no field, nor a fold of it; and it is all body.
    assert not taken_apart(rest)[0]
    assert not fields or rest[:1] not in {b" ", b"\t"}
    assert body == (rest if rest.startswith(b"\r\n") or not rest else b"\r\n" + rest)


def test_a_field_ends_before_what_is_no_fold_of_it() -> None:
    mime = b"A: 1\r\n 2\r\n\t3\r\nb:\r\n\r\nC: 4\r\n"
    fields = [Field("a", b"A: 1\r\n 2\r\n\t3\r\n"), Field("b", b"b:\r\n")]
    assert (fields, b"\r\nC: 4\r\n") == taken_apart(mime)


def test_a_fold_before_any_field_is_body() -> None:
    assert taken_apart(b" a: b\r\n") == ([], b"\r\n a: b\r\n")


def test_many_folds_and_many_fields_take_no_memory_of_their_own() -> None:
    folded, many = b"a: b\r\n" + b" c\r\n" * 100_000, b"a: b\r\n" * 100_000
    tracemalloc.start()
    try:
        taken_apart(folded)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(folded)
        tracemalloc.reset_peak()
        taken_apart(b"x\r\n" + many)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(many)
    finally:
        tracemalloc.stop()
