// Package passkeys loads the passkeys that keyferry wrote for the target go-webauthn:passkeys.json and logs them in
// with go-webauthn.
package passkeys

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// ErrUnknown says that no loaded passkey has the id of a login.
var ErrUnknown = errors.New("no passkey has this id")

// Passkey is a credential and whose it is.
type Passkey struct {
	User       string              `json:"user"`
	UserHandle []byte              `json:"userHandle"`
	RPID       string              `json:"rpId"`
	Credential webauthn.Credential `json:"-"`
}

// Store finds passkeys by the id that browsers send and by account, and accounts by user handle.
type Store struct {
	byID     map[string]*Passkey
	byUser   map[string][]*Passkey
	byHandle map[string]string
}

// Account is a webauthn.User.
type Account struct {
	Name     string
	Handle   []byte
	Passkeys []*Passkey
}

// WebAuthnID returns the user handle.
func (a Account) WebAuthnID() []byte { return a.Handle }

// WebAuthnName returns the name of the account.
func (a Account) WebAuthnName() string { return a.Name }

// WebAuthnDisplayName returns the name of the account.
func (a Account) WebAuthnDisplayName() string { return a.Name }

// WebAuthnCredentials returns every credential of the account.
func (a Account) WebAuthnCredentials() []webauthn.Credential {
	credentials := make([]webauthn.Credential, len(a.Passkeys))
	for i, passkey := range a.Passkeys {
		credentials[i] = passkey.Credential
	}
	return credentials
}

// Load reads a records file: a JSON array, or JSON Lines if the name ends in .jsonl. It fails at the first record that
// is malformed or there already, counted from 1.
func Load(path string) (*Store, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	store := &Store{byID: map[string]*Passkey{}, byUser: map[string][]*Passkey{}, byHandle: map[string]string{}}
	number := 0
	add := func(record []byte) error {
		number++
		if err := store.add(record); err != nil {
			return fmt.Errorf("%s: record %d: %w", path, number, err)
		}
		return nil
	}
	if strings.HasSuffix(path, ".jsonl") {
		return store, EachLine(file, add)
	}
	var records []json.RawMessage
	decoder := json.NewDecoder(file)
	if err := decoder.Decode(&records); err != nil {
		return nil, fmt.Errorf("%s: not a JSON array: %w", path, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: more after the array", path)
	}
	for _, record := range records {
		if err := add(record); err != nil {
			return nil, err
		}
	}
	return store, nil
}

// Len returns the number of passkeys and of accounts.
func (s *Store) Len() (passkeys, accounts int) { return len(s.byID), len(s.byUser) }

// Account returns an account by its name, for example to begin a login.
func (s *Store) Account(name string) Account {
	account := Account{Name: name, Passkeys: s.byUser[name]}
	for _, passkey := range account.Passkeys {
		if len(passkey.UserHandle) > 0 {
			account.Handle = passkey.UserHandle
		}
	}
	return account
}

func (s *Store) add(record []byte) error {
	passkey := &Passkey{}
	// Twice: webauthn.Credential decodes itself, so embedding it would hide the members beside it.
	if err := json.Unmarshal(record, passkey); err != nil {
		return err
	}
	if err := json.Unmarshal(record, &passkey.Credential); err != nil {
		return err
	}
	id := base64.RawURLEncoding.EncodeToString(passkey.Credential.ID)
	switch {
	case passkey.User == "" || passkey.RPID == "":
		return errors.New("no user or no rpId")
	case id == "" || len(passkey.Credential.PublicKey) == 0:
		return errors.New("no id or no publicKey")
	case s.byID[id] != nil:
		return fmt.Errorf("the credential id %s appeared before", id)
	}
	if handle := passkey.UserHandle; len(handle) > 0 {
		if others := s.Account(passkey.User).Handle; len(others) > 0 && !bytes.Equal(others, handle) {
			return errors.New("another user handle than the user's other passkeys")
		}
		if owner, found := s.byHandle[string(handle)]; found && owner != passkey.User {
			return errors.New("the user handle of another user")
		}
		s.byHandle[string(handle)] = passkey.User
	}
	s.byID[id] = passkey
	s.byUser[passkey.User] = append(s.byUser[passkey.User], passkey)
	return nil
}

// Expected is what the server knows of a login.
type Expected struct{ Challenge, Origin, RPID string }

// CheckLogin checks one login, as the browser sent it. It returns the passkey and the credential to store in place of
// the passkey's own, with the new sign count, flags included. Any error says that the login is not genuine.
//
// A login goes through ValidateLogin, as that of a user who is known beforehand, and, unless the authenticator sent no
// user handle, also through ValidatePasskeyLogin, which finds the user; both must accept it. One of the two is enough
// for a server that has one way to log in.
func (s *Store) CheckLogin(response []byte, expected Expected) (*Passkey, *webauthn.Credential, error) {
	var sent struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(response, &sent); err != nil {
		return nil, nil, err
	}
	passkey := s.byID[sent.ID]
	if passkey == nil {
		return nil, nil, ErrUnknown
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, nil, explained(err)
	}
	if passkey.RPID != expected.RPID {
		return nil, nil, fmt.Errorf("the passkey belongs to the RP ID %s", passkey.RPID)
	}
	account := s.Account(passkey.User)
	find := func(_, handle []byte) (webauthn.User, error) {
		if name, found := s.byHandle[string(handle)]; found {
			return s.Account(name), nil
		}
		return nil, errors.New("no account has this user handle")
	}
	if len(account.Handle) == 0 {
		// keyferry was not told the handle. The passkey was found by its id and the signature proves it, so what the
		// authenticator calls the user decides nothing; store it with the passkey after the login.
		account.Handle = parsed.Response.UserHandle
		find = func(_, _ []byte) (webauthn.User, error) { return account, nil }
	}
	relyingParty, err := webauthn.New(&webauthn.Config{
		RPID: expected.RPID, RPDisplayName: expected.RPID, RPOrigins: []string{expected.Origin},
	})
	if err != nil {
		return nil, nil, err
	}
	session := webauthn.SessionData{
		Challenge:        expected.Challenge,
		RelyingPartyID:   expected.RPID,
		UserVerification: protocol.VerificationRequired,
	}
	known := session
	known.UserID = account.Handle
	credential, err := relyingParty.ValidateLogin(account, known, parsed)
	if err == nil && len(parsed.Response.UserHandle) > 0 {
		_, credential, err = relyingParty.ValidatePasskeyLogin(find, session, parsed)
	}
	if err != nil {
		return nil, nil, explained(err)
	}
	// The library only warns of a sign count that did not go up.
	if credential.Authenticator.CloneWarning {
		return nil, nil, fmt.Errorf("CloneWarning: sign count %d is not above %d",
			parsed.Response.AuthenticatorData.Counter, passkey.Credential.Authenticator.SignCount)
	}
	return passkey, credential, nil
}

// explained adds what the library keeps out of its errors' text.
func explained(err error) error {
	var known *protocol.Error
	if errors.As(err, &known) {
		return fmt.Errorf("%s: %s %s", known.Type, known.Details, known.DevInfo)
	}
	return err
}

// EachLine calls a function with every line that is not blank. A line can have any length.
func EachLine(file io.Reader, call func([]byte) error) error {
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := call(line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
