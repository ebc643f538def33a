// The command verify judges logins with go-webauthn.
//
//	verify RECORDS ASSERTIONS
//
// It judges each line of ASSERTIONS against RECORDS with the loader of examples/go_webauthn, so that the example is
// what is proven, and prints one JSON line for each, in the same order:
// {"credentialId","verdict","detail","newCounter"}. Verdicts:
//
//	ok         ValidateLogin and ValidatePasskeyLogin accept it, user verification required, without a CloneWarning;
//	           without a user handle in the response there is no discoverable login, and the detail says so
//	failed     one of them refuses it, or warns of a clone
//	not-found  no record has exactly this response.id
//	error      the line lacks what a judgement needs, or is about another credential than it says
//
// Every line meets the counters of RECORDS: nothing is updated between lines.
// Exit status: 0 all lines judged, 2 an input cannot be read (with a message on standard error).
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	passkeys "keyferry.example/go_webauthn"
)

type verdict struct {
	CredentialID *string `json:"credentialId"`
	Verdict      string  `json:"verdict"`
	Detail       string  `json:"detail"`
	NewCounter   *uint32 `json:"newCounter"`
}

type line struct {
	CredentialID *string         `json:"credentialId"`
	Challenge    string          `json:"challenge"`
	Origin       string          `json:"origin"`
	RPID         string          `json:"rpId"`
	Response     json.RawMessage `json:"response"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("usage: verify RECORDS ASSERTIONS")
	}
	store, err := passkeys.Load(arguments[0])
	if err != nil {
		return err
	}
	file, err := os.Open(arguments[1])
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriter(os.Stdout)
	number := 0
	err = passkeys.EachLine(file, func(text []byte) error {
		number++
		if !json.Valid(text) {
			return fmt.Errorf("%s: assertion %d: not JSON", arguments[1], number)
		}
		printed, err := json.Marshal(judge(store, text))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", printed)
		return err
	})
	return errors.Join(err, out.Flush())
}

func judge(store *passkeys.Store, text []byte) verdict {
	var line line
	if err := json.Unmarshal(text, &line); err != nil {
		return verdict{Verdict: "error", Detail: "the line is not what it should be: " + err.Error()}
	}
	say := func(word, detail string) verdict {
		return verdict{CredentialID: line.CredentialID, Verdict: word, Detail: detail}
	}
	var response struct {
		ID       string `json:"id"`
		Response struct {
			UserHandle string `json:"userHandle"`
		} `json:"response"`
	}
	if len(line.Response) > 0 {
		if err := json.Unmarshal(line.Response, &response); err != nil {
			return say("error", "the response is not what it should be: "+err.Error())
		}
	}
	switch {
	case line.CredentialID == nil || *line.CredentialID == "":
		return say("error", "the line has no credentialId")
	case line.Challenge == "" || line.Origin == "" || line.RPID == "":
		return say("error", "the line has no challenge, origin or rpId")
	case response.ID == "":
		return say("error", "the line has no response.id")
	}
	expected := passkeys.Expected{Challenge: line.Challenge, Origin: line.Origin, RPID: line.RPID}
	_, credential, err := store.CheckLogin(line.Response, expected)
	switch {
	case errors.Is(err, passkeys.ErrUnknown):
		return say("not-found", "")
	case err != nil:
		return say("failed", err.Error())
	case response.ID != *line.CredentialID:
		return say("error", "response.id is not the credentialId of the line")
	}
	ok := say("ok", "")
	if response.Response.UserHandle == "" {
		ok.Detail = "no user handle: through ValidateLogin only"
	}
	ok.NewCounter = &credential.Authenticator.SignCount
	return ok
}
