<?php
// An order and its mail in one transaction of MariaDB, by PDO.
declare(strict_types=1);

$database = new PDO(
    getenv('SHOP_DSN') ?: 'mysql:host=127.0.0.1;dbname=shop;charset=utf8mb4', // utf8mb4: the message is UTF-8
    getenv('SHOP_USER') ?: 'shop',
    getenv('SHOP_PASSWORD') ?: '',
    [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION],
);

/** A UUID of version 7 as 32 hex digits, as MariaDB and SQLite hold it (RFC 9562, section 5.7). */
function uuid7(): string
{
    $random = bin2hex(random_bytes(10));
    $random[0] = '7';
    $random[4] = dechex(8 | hexdec($random[4]) & 3);
    return str_pad(dechex((int) (microtime(true) * 1000)), 12, '0', STR_PAD_LEFT) . $random;
}

/** Enqueue one mail in the transaction of $database; false: the key is taken, so it was enqueued before. */
function enqueue(PDO $database, string $sender, array $recipients, string $message, ?string $key = null): bool
{
    $id = uuid7();
    $row = $database->prepare(<<<'SQL'
        INSERT INTO outbox_message
            (id, stream, sender, subject, message_id, mime, size, payload_hash, on_doubt, idempotency_key)
        VALUES (:id, 'default', :sender, '', '', :mime, :size, '', 'resend', :key)
        SQL);
    try {
        $row->execute([
            'id' => $id, 'sender' => $sender, 'mime' => $message, 'size' => strlen($message), 'key' => $key,
        ]);
    } catch (PDOException $error) {
        if ($key !== null && $error->errorInfo[1] === 1062) { // a duplicate key; the transaction goes on
            return false;
        }
        throw $error;
    }
    $row = $database->prepare(<<<'SQL'
        INSERT INTO outbox_delivery (message_id, n, recipient, stream, size)
        VALUES (:id, :n, :recipient, 'default', :size)
        SQL);
    foreach (array_values($recipients) as $n => $recipient) {
        [$local, $domain] = explode('@', $recipient, 2);
        $row->execute([
            'id' => $id, 'n' => $n, 'recipient' => $local . '@' . strtolower($domain), 'size' => strlen($message),
        ]);
    }
    return true;
}

$order = ['id' => 42, 'email' => 'ada@example.org'];
if (!filter_var($order['email'], FILTER_VALIDATE_EMAIL)) { // or a line break in it could begin a header
    throw new InvalidArgumentException('no address: ' . $order['email']);
}
$message = <<<MAIL
    From: Käthes Laden <shop@example.org>
    To: {$order['email']}
    Subject: Your receipt for order {$order['id']} (12.50 €)

    Thank you!

    MAIL;

$database->beginTransaction();
$database->prepare('INSERT INTO orders (id, email) VALUES (:id, :email)')->execute($order);
enqueue($database, 'shop@example.org', [$order['email']], $message, "receipt-{$order['id']}");
$database->commit();
