// An order and its mail in one transaction of PostgreSQL, by database/sql and pgx.
//
//	go mod init shop && go get github.com/jackc/pgx/v5 && SHOP_DATABASE=postgres://… go run enqueue.go
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"
)

const insertOrder = `INSERT INTO orders (id, email) VALUES ($1, $2)`

const enqueue = `SELECT outbox_enqueue(
	sender => $1, recipients => $2, message => $3, key => $4, tags => jsonb_build_object('order', $5::bigint))`

// placeOrder inserts an order and its receipt, both or neither, and returns the id of the mail.
func placeOrder(ctx context.Context, db *sql.DB, id int64, email string) (mail string, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer tx.Rollback() // does nothing after the commit
	if _, err = tx.ExecContext(ctx, insertOrder, id, email); err != nil {
		return "", err
	}
	// The address may stand in a header: outbox_enqueue refuses it unless it is one mailbox.
	message := fmt.Sprintf(
		"From: Käthes Laden <shop@example.org>\nTo: %s\nSubject: Your receipt for order %d\n\nThank you!\n", email, id)
	row := tx.QueryRowContext(ctx, enqueue,
		"shop@example.org", []string{email}, message, fmt.Sprintf("receipt-%d", id), id)
	if err = row.Scan(&mail); err != nil {
		return "", err
	}
	return mail, tx.Commit()
}

func main() {
	db, err := sql.Open("pgx", os.Getenv("SHOP_DATABASE"))
	if err != nil {
		log.Fatal(err)
	}
	mail, err := placeOrder(context.Background(), db, 42, "ada@example.org")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("enqueued", mail)
}
