"""A function of PostgreSQL by which any language enqueues: it checks, and inserts what the library would.

It runs with the rights of its owner, so that a role needs no more than EXECUTE. So its names must not be the
caller's to choose: it looks for them nowhere but in pg_catalog, and names the schema of our tables in full.
"""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# A mailbox as outbox/mail/address.py takes it: no quotes, no comment, no literal, a domain in ASCII that does
# not end in a number. Then what nobody sees, and what a relay that folds would take for a sign of ASCII.
_ATOM = r"[A-Za-z0-9!#$\u0025&''*+/=?^_`{|}~\u00a1-\U0010ffff-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = rf"^{_ATOM}(\.{_ATOM})*@({_LABEL}\.)*(?![0-9]+$){_LABEL}$"
_UNSEEN = (
    r"[\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3000\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U000e0000-\U0010ffff]"
)
_SIGN = r"[\u0001-/\u003a-@\[-`{-\u007f]"

_ENQUEUE = rf"""
CREATE FUNCTION @schema@.outbox_enqueue(
    sender text,
    recipients text[],
    message text,
    key text DEFAULT NULL,
    stream text DEFAULT 'default',
    send_at timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL,
    on_doubt text DEFAULT 'resend',
    tags jsonb DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $function$
DECLARE
    bytes bytea := convert_to(message, 'UTF8');
    envelope text[];
    fault record;
    id uuid;
BEGIN
    SELECT f.argument || ': ' || f.problem || ': ' || left(quote_nullable(f.value), 120) AS problem, f.remedy
    INTO fault
    FROM (
        SELECT coalesce(
                a.value !~ '{_MAILBOX}' OR a.value ~ '{_UNSEEN}' OR octet_length(a.value) > 254
                OR octet_length(split_part(a.value, '@', 1)) > 64
                OR normalize(regexp_replace(a.value, '[\u0001-\u007f]', '', 'g'), NFKD) ~ '{_SIGN}',
                true
            ) AS is_wrong, a.argument, a.value, 'is not one mailbox' AS problem,
            'Give ada@example.org: no name, no brackets, no spaces; a domain beyond ASCII as its A-label.'
                AS remedy
        FROM (
            SELECT 'sender' AS argument, sender AS value
            UNION ALL SELECT 'recipients', r.address FROM unnest(recipients) AS r (address)
        ) AS a
        UNION ALL VALUES
            (coalesce(cardinality(recipients), 0) = 0, 'recipients', recipients::text, 'nobody to send to',
                'Give at least one address: ARRAY[''ada@example.org''].'),
            (coalesce(message, '') !~ '[^ \t\r\n]', 'message', message, 'is empty',
                'Give the whole message: header, empty line, body.'),
            (octet_length(key) NOT BETWEEN 1 AND 200, 'key', key, 'is not 1 to 200 bytes long in UTF-8',
                'Shorten it, or hash the long part.'),
            (key ~ '[\u0001-\u001f\u007f-\u009f]', 'key', key, 'has a control character',
                'Use printable characters only.'),
            (coalesce(stream, '') !~ '^[\u0021-\u007e]{{1,64}}$', 'stream', stream, 'is no name of a stream',
                'Give 1 to 64 printable ASCII characters without a space, such as bulk or tenant-42.'),
            (date_part('year', send_at AT TIME ZONE 'UTC') NOT BETWEEN 1970 AND 9998, 'send_at',
                send_at::text, 'lies outside the years 1970 to 9998', 'Give a nearer time.'),
            (date_part('year', expires_at AT TIME ZONE 'UTC') NOT BETWEEN 1970 AND 9998, 'expires_at',
                expires_at::text, 'lies outside the years 1970 to 9998', 'Give a nearer time, or none.'),
            (expires_at <= send_at, 'expires_at', expires_at::text,
                'is not after send_at (' || send_at::text || ')',
                'Give a later expires_at, or an earlier send_at.'),
            (on_doubt IS NULL OR on_doubt NOT IN ('resend', 'hold', 'assume_sent'), 'on_doubt', on_doubt,
                'is not a choice', 'Give one of ''resend'', ''hold'', ''assume_sent''.'),
            (jsonb_typeof(tags) <> 'object', 'tags', tags::text, 'is not a JSON object',
                'Give an object: jsonb_build_object(''order'', 7).')
    ) AS f
    WHERE f.is_wrong
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = fault.problem, HINT = fault.remedy;
    END IF;
    SELECT array_agg(w.address ORDER BY w.n) INTO envelope
    FROM (
        SELECT normalize(split_part(r.address, '@', 1), NFC) || '@' || lower(split_part(r.address, '@', 2))
            AS address, min(r.n) AS n
        FROM (
            SELECT sender AS address, 0 AS n
            UNION ALL SELECT e.address, e.n FROM unnest(recipients) WITH ORDINALITY AS e (address, n)
        ) AS r
        GROUP BY 1, r.n = 0
    ) AS w;
    LOOP
        -- RFC 9562 section 5.7: 48 bits of milliseconds over a random UUID, whose version 4 becomes 7.
        id := encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING substring(
            int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
            52, 1), 53, 1), 'hex')::uuid;
        INSERT INTO @schema@.outbox_message (id, stream, sender, subject, message_id, mime, size, tags,
            idempotency_key, payload_hash, on_doubt)
        VALUES (id, stream, envelope[1], '', '', bytes, length(bytes), tags, key, '', on_doubt)
        ON CONFLICT (idempotency_key) DO NOTHING;
        EXIT WHEN FOUND;
        SELECT m.id INTO id FROM @schema@.outbox_message AS m WHERE m.idempotency_key = key;
        -- Whoever had the key may have been deleted in between.
        IF FOUND THEN
            RETURN id;
        END IF;
    END LOOP;
    INSERT INTO @schema@.outbox_delivery (message_id, n, recipient, stream, size, due_at, expires_at)
    SELECT id, r.n - 1, r.address, stream, length(bytes), coalesce(send_at, now()), expires_at
    FROM unnest(envelope[2:]) WITH ORDINALITY AS r (address, n)
    ORDER BY r.n;
    INSERT INTO @schema@.outbox_tag (name, value, message_id)
    SELECT t.name, t.value #>> '{{}}', id
    FROM jsonb_each(tags) AS t (name, value)
    WHERE jsonb_typeof(t.value) IN ('string', 'number', 'boolean')
        AND length(t.name) <= 64 AND length(t.value #>> '{{}}') <= 200;
    RETURN id;
END
$function$;
REVOKE EXECUTE ON FUNCTION @schema@.outbox_enqueue(
    text, text[], text, text, text, timestamptz, timestamptz, text, jsonb) FROM PUBLIC
"""  # noqa: S608 - its parts are the patterns above

_CREATE = f"""DO $do$ BEGIN
EXECUTE replace($create${_ENQUEUE}$create$, '@schema@', quote_ident(current_schema()));
END $do$"""

_DROP = "DROP FUNCTION outbox_enqueue(text, text[], text, text, text, timestamptz, timestamptz, text, jsonb)"


def upgrade() -> None:
    """Create the function where the tables are, for its owner only: others are granted it."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.text(_CREATE))


def downgrade() -> None:
    """Drop it again; no mail goes with it."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.text(_DROP))
