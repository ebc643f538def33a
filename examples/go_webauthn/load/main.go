// The command load reads a records file, and a file of logins if there is one.
//
//	go run ./load passkeys.json                     how many passkeys, of how many users
//	go run ./load passkeys.json assertions.jsonl    and how many of these logins verify
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	passkeys "keyferry.example/go_webauthn"
)

type login struct {
	Challenge string          `json:"challenge"`
	Origin    string          `json:"origin"`
	RPID      string          `json:"rpId"`
	Response  json.RawMessage `json:"response"`
}

func main() {
	if len(os.Args) != 2 && len(os.Args) != 3 {
		fail(errors.New("usage: load passkeys.json [assertions.jsonl]"))
	}
	store, err := passkeys.Load(os.Args[1])
	if err != nil {
		fail(err)
	}
	count, accounts := store.Len()
	fmt.Printf("passkeys: %d, users: %d\n", count, accounts)
	if len(os.Args) == 2 {
		return
	}
	file, err := os.Open(os.Args[2])
	if err != nil {
		fail(err)
	}
	defer file.Close()
	var ok, refused, unknown int
	err = passkeys.EachLine(file, func(text []byte) error {
		var line login
		if err := json.Unmarshal(text, &line); err != nil {
			return err
		}
		expected := passkeys.Expected{Challenge: line.Challenge, Origin: line.Origin, RPID: line.RPID}
		passkey, credential, err := store.CheckLogin(line.Response, expected)
		switch {
		case err == nil:
			// What an application stores, so that the same login is good for one time only.
			passkey.Credential = *credential
			ok++
		case errors.Is(err, passkeys.ErrUnknown):
			unknown++
		default:
			refused++
			fmt.Fprintln(os.Stderr, err)
		}
		return nil
	})
	if err != nil {
		fail(err)
	}
	fmt.Printf("logins: %d ok, %d refused, %d unknown\n", ok, refused, unknown)
	if refused+unknown > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
