-- An order and its mail in one transaction: psql -v ON_ERROR_STOP=1 -f psql.sql
CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, email text NOT NULL, total numeric(12, 2) NOT NULL);

BEGIN;

INSERT INTO orders (id, email, total) VALUES (42, 'ada@example.org', 12.50);

SELECT outbox_enqueue(
    sender => 'shop@example.org',
    recipients => ARRAY['ada@example.org'],
    key => 'receipt-42', -- asking twice sends once
    tags => jsonb_build_object('order', 42),
    expires_at => now() + interval '2 days', -- too late is worse than never
    message => 'From: Käthes Laden <shop@example.org>
To: ada@example.org
Subject: Your receipt for order 42 (12.50 €)

Thank you!
');

COMMIT;
