-- Whoever marks an order as paid, in any language, sends its receipt: psql -v ON_ERROR_STOP=1 -f trigger.sql
CREATE TABLE IF NOT EXISTS orders (id bigint PRIMARY KEY, email text NOT NULL, total numeric(12, 2) NOT NULL);
ALTER TABLE orders ADD COLUMN IF NOT EXISTS paid_at timestamptz;

CREATE OR REPLACE FUNCTION order_paid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- NEW.email may stand in a header: outbox_enqueue refuses it unless it is one mailbox. A free text, such as
    -- a name, must lose its line breaks first, or it could begin a header of its own.
    PERFORM outbox_enqueue(
        sender => 'shop@example.org',
        recipients => ARRAY[NEW.email],
        key => 'receipt-' || NEW.id,
        tags => jsonb_build_object('order', NEW.id),
        message => 'From: Käthes Laden <shop@example.org>
To: ' || NEW.email || '
Subject: Your receipt for order ' || NEW.id || ' (' || NEW.total || ' €)

Thank you!
');
    RETURN NULL;
END
$$;

DROP TRIGGER IF EXISTS order_paid ON orders;
CREATE TRIGGER order_paid AFTER UPDATE OF paid_at ON orders
    FOR EACH ROW WHEN (OLD.paid_at IS NULL AND NEW.paid_at IS NOT NULL)
    EXECUTE FUNCTION order_paid();
