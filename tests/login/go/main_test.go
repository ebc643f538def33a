// Proves that verify can say no: genuine logins and logins with one thing wrong, made with real keys.
package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	passkeys "keyferry.example/go_webauthn"
)

const (
	up, uv, be, bs = 0x01, 0x04, 0x08, 0x10
	synced         = up | uv | be | bs
)

type object = map[string]any

func b64url(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// ---- a small authenticator

type key struct {
	cose map[int]any
	sign func([]byte) []byte
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

func ecKey(curve elliptic.Curve, number, algorithm int, hash crypto.Hash) key {
	private := must(ecdsa.GenerateKey(curve, rand.Reader))
	point := must(private.PublicKey.Bytes())
	size := (len(point) - 1) / 2
	return key{
		map[int]any{1: 2, 3: algorithm, -1: number, -2: point[1 : 1+size], -3: point[1+size:]},
		func(data []byte) []byte { return must(ecdsa.SignASN1(rand.Reader, private, digest(hash, data))) },
	}
}

func es256() key { return ecKey(elliptic.P256(), 1, -7, crypto.SHA256) }

func ed25519Key(algorithm int) key {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key{
		map[int]any{1: 1, 3: algorithm, -1: 6, -2: []byte(public)},
		func(data []byte) []byte { return ed25519.Sign(private, data) },
	}
}

func rsaKey(algorithm, bits int, hash crypto.Hash, isPSS bool) key {
	private := must(rsa.GenerateKey(rand.Reader, bits))
	sign := func(data []byte) []byte {
		if isPSS {
			// WebAuthn wants a salt as long as the digest.
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return must(rsa.SignPSS(rand.Reader, private, hash, digest(hash, data), options))
		}
		return must(rsa.SignPKCS1v15(nil, private, hash, digest(hash, data)))
	}
	return key{map[int]any{1: 3, 3: algorithm, -1: private.N.Bytes(), -2: []byte{1, 0, 1}}, sign}
}

// exponentKey makes an RS256 key with an exponent of one's own, and signs with it by hand (RFC 8017, section 8.2.1).
func exponentKey(exponent int64) key {
	for {
		made := must(rsa.GenerateKey(rand.Reader, 2048))
		one := big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(made.Primes[0], one), new(big.Int).Sub(made.Primes[1], one))
		e := big.NewInt(exponent)
		d := new(big.Int).ModInverse(e, phi)
		if d == nil {
			continue
		}
		sign := func(data []byte) []byte {
			block := append([]byte{
				0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0, 0x04, 0x20,
			}, digest(crypto.SHA256, data)...)
			block = slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, 256-3-len(block)), []byte{0}, block)
			return new(big.Int).Exp(new(big.Int).SetBytes(block), d, made.N).FillBytes(make([]byte, 256))
		}
		return key{map[int]any{1: 3, 3: -257, -1: made.N.Bytes(), -2: e.Bytes()}, sign}
	}
}

type passkey struct {
	key
	id     []byte
	count  uint32
	record object
}

var made uint64

// newPasskey makes the record that keyferry would write for a key of ana's.
func newPasskey(key key, changes ...func(*passkey)) *passkey {
	made++
	p := &passkey{key: key, id: binary.BigEndian.AppendUint64(make([]byte, 24), made), count: 7}
	p.record = object{
		"user": "ana@example.com", "userHandle": []byte("handle of ana"), "rpId": "example.com",
		"publicKey": must(cbor.Marshal(key.cose)), "attestationFormat": "none", "transport": []string{"internal", "teleport"},
		"flags":         object{"userPresent": true, "userVerified": false, "backupEligible": true, "backupState": true},
		"authenticator": object{"AAGUID": make([]byte, 16), "attachment": "platform"},
	}
	for _, change := range changes {
		change(p)
	}
	p.record["id"] = p.id
	if authenticator, is := p.record["authenticator"].(object); is {
		authenticator["signCount"] = p.count
	}
	return p
}

// login makes one line of an assertions file; changes name what differs from a genuine login.
func (p *passkey) login(changes object) object {
	is := object{
		"rpId": "example.com", "signedRpId": "example.com",
		"origin": "https://example.com", "signedOrigin": "https://example.com",
		"challenge": b64url([]byte("a challenge of 16 bytes or more")), "type": "webauthn.get",
		"flags": synced, "count": p.count + 1, "id": b64url(p.id), "credentialId": b64url(p.id),
		"handle": b64url([]byte("handle of ana")), "sign": p.sign,
	}
	is["signedChallenge"] = is["challenge"]
	maps.Copy(is, changes)
	rpIDHash := sha256.Sum256([]byte(is["signedRpId"].(string)))
	data := append(rpIDHash[:], byte(is["flags"].(int)))
	data = binary.BigEndian.AppendUint32(data, is["count"].(uint32))
	client := must(json.Marshal(object{
		"type": is["type"], "challenge": is["signedChallenge"], "origin": is["signedOrigin"], "crossOrigin": false,
	}))
	clientHash := sha256.Sum256(client)
	response := object{
		"authenticatorData": b64url(data), "clientDataJSON": b64url(client),
		"signature": b64url(is["sign"].(func([]byte) []byte)(slices.Concat(data, clientHash[:]))),
	}
	if is["handle"] != nil {
		response["userHandle"] = is["handle"]
	}
	return object{
		"credentialId": is["credentialId"], "rpId": is["rpId"], "origin": is["origin"], "challenge": is["challenge"],
		"response": object{
			"id": is["id"], "rawId": is["id"], "type": "public-key", "clientExtensionResults": object{}, "response": response,
		},
	}
}

// ---- running the program

var program string

func TestMain(m *testing.M) {
	folder := must(os.MkdirTemp("", "keyferry-login-"))
	program = filepath.Join(folder, "verify")
	build := exec.Command("go", "build", "-mod=readonly", "-buildvcs=false", "-o", program, ".")
	build.Stderr = os.Stderr
	code := 1
	if build.Run() == nil {
		code = m.Run()
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

func runProgram(t *testing.T, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errors bytes.Buffer
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = &out, &errors
	if err := command.Run(); command.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errors.String(), command.ProcessState.ExitCode()
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func lines[T any](values []T) []byte {
	var text []byte
	for _, value := range values {
		text = append(append(text, must(json.Marshal(value))...), '\n')
	}
	return text
}

func records(passkeys []*passkey) []object {
	list := make([]object, len(passkeys))
	for i, passkey := range passkeys {
		list[i] = passkey.record
	}
	return list
}

// verdicts judges the lines against the records in both forms of a file, which must agree.
func verdicts[T any](t *testing.T, passkeys []*passkey, logins []T) []verdict {
	t.Helper()
	assertions := write(t, "assertions.jsonl", lines(logins))
	var answers []string
	for _, path := range []string{
		write(t, "r.json", must(json.Marshal(records(passkeys)))), write(t, "r.jsonl", lines(records(passkeys))),
	} {
		stdout, stderr, code := runProgram(t, path, assertions)
		if code != 0 || stderr != "" {
			t.Fatalf("exit status %d: %s", code, stderr)
		}
		answers = append(answers, stdout)
	}
	if answers[0] != answers[1] {
		t.Fatal("the two forms of a records file differ")
	}
	var judged []verdict
	for _, line := range strings.Split(strings.TrimSpace(answers[0]), "\n") {
		var one verdict
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		judged = append(judged, one)
	}
	if len(judged) != len(logins) {
		t.Fatalf("%d verdicts of %d logins", len(judged), len(logins))
	}
	return judged
}

// ---- what verifies and what does not

func TestOnlyTheGenuineLoginVerifies(t *testing.T) {
	for name, newKey := range map[string]func() key{
		"ES256": es256,
		"EdDSA": func() key { return ed25519Key(-8) },
		"RS256": func() key { return rsaKey(-257, 2048, crypto.SHA256, false) },
	} {
		p, other := newPasskey(newKey()), newPasskey(newKey())
		otherBytes := func([]byte) []byte { return p.sign([]byte("other bytes")) }
		count := func(count uint32) object { return object{"count": count} }
		cases := []struct {
			what    string
			changes object
			verdict string
			detail  string
		}{
			{"genuine", nil, "ok", ""},
			{"no user handle", object{"handle": nil}, "ok", "ValidateLogin only"},
			{"not backed up now", object{"flags": up | uv | be}, "ok", ""},
			{"wrong signature", object{"sign": otherBytes}, "failed", "invalid_signature"},
			{"another key", object{"sign": other.sign}, "failed", "invalid_signature"},
			{"another credential's id", object{"id": b64url(other.id), "credentialId": b64url(other.id)}, "failed", "invalid_signature"},
			{"another user's handle", object{"handle": b64url([]byte("handle of bob"))}, "failed", "User handle"},
			{"count equal", count(7), "failed", "CloneWarning: sign count 7 is not above 7"},
			{"count lower", count(6), "failed", "CloneWarning"},
			{"count gone back to 0", count(0), "failed", "CloneWarning"},
			{"flipped BE", object{"flags": up | uv}, "failed", "Backup Eligible flag inconsistency"},
			{"BS without BE", object{"flags": up | uv | bs}, "failed", "Backup Eligible"},
			{"user not verified", object{"flags": up | be | bs}, "failed", "User verification"},
			{"user not present", object{"flags": uv | be | bs}, "failed", "User presence"},
			{"wrong RP ID", object{"signedRpId": "example.net"}, "failed", "RP Hash"},
			{"wrong RP ID expected", object{"rpId": "example.net"}, "failed", "belongs to the RP ID"},
			{"wrong origin", object{"signedOrigin": "https://example.net"}, "failed", "origin"},
			{"wrong challenge", object{"signedChallenge": b64url([]byte("another of 16 bytes or more"))}, "failed", "challenge"},
			{"challenge of 15 bytes", object{"challenge": b64url(make([]byte, 15)), "signedChallenge": b64url(make([]byte, 15))}, "failed", "at least 16 bytes"},
			{"a registration", object{"type": "webauthn.create"}, "failed", "ceremony type"},
			{"padded id", object{"id": b64url(p.id) + "="}, "not-found", ""},
			{"unknown id", object{"id": b64url([]byte("unknown"))}, "not-found", ""},
			{"genuine again, counts are not kept", nil, "ok", ""},
		}
		var logins []object
		for _, c := range cases {
			logins = append(logins, p.login(c.changes))
		}
		for i, one := range verdicts(t, []*passkey{other, p}, logins) {
			c := cases[i]
			if one.Verdict != c.verdict || !strings.Contains(strings.ToLower(one.Detail), strings.ToLower(c.detail)) {
				t.Errorf("%s, %s: %s, %q", name, c.what, one.Verdict, one.Detail)
			}
			if isOK := one.Verdict == "ok"; isOK != (one.NewCounter != nil) || isOK && *one.NewCounter != 8 {
				t.Errorf("%s, %s: wrong newCounter", name, c.what)
			}
		}
	}
}

func TestAlgorithms(t *testing.T) {
	cases := []struct {
		name    string
		key     key
		refusal string
	}{
		{"ES256", es256(), ""},
		{"ES384", ecKey(elliptic.P384(), 2, -35, crypto.SHA384), ""},
		{"ES512", ecKey(elliptic.P521(), 3, -36, crypto.SHA512), ""},
		{"ESP256", ecKey(elliptic.P256(), 1, -9, crypto.SHA256), ""},
		{"ESP384", ecKey(elliptic.P384(), 2, -51, crypto.SHA384), ""},
		{"ESP512", ecKey(elliptic.P521(), 3, -52, crypto.SHA512), ""},
		{"EdDSA", ed25519Key(-8), ""},
		{"Ed25519, -19", ed25519Key(-19), ""},
		{"RS256", rsaKey(-257, 2048, crypto.SHA256, false), ""},
		{"RS256 3072", rsaKey(-257, 3072, crypto.SHA256, false), ""},
		{"RS256 4096", rsaKey(-257, 4096, crypto.SHA256, false), ""},
		{"RS384", rsaKey(-258, 2048, crypto.SHA384, false), ""},
		{"RS512", rsaKey(-259, 2048, crypto.SHA512, false), ""},
		{"RS1", rsaKey(-65535, 2048, crypto.SHA1, false), ""},
		{"PS256", rsaKey(-37, 2048, crypto.SHA256, true), ""},
		{"PS384", rsaKey(-38, 2048, crypto.SHA384, true), ""},
		{"PS512", rsaKey(-39, 2048, crypto.SHA512, true), ""},
		{"exponent 2^31 - 1", exponentKey(math.MaxInt32), ""},
		{"exponent 2^31 + 11", exponentKey(math.MaxInt32 + 12), "exponent too large"},
	}
	var list []*passkey
	var logins, forged []object
	for _, c := range cases {
		p := newPasskey(c.key)
		list = append(list, p)
		logins = append(logins, p.login(nil))
		forged = append(forged, p.login(object{"sign": func(data []byte) []byte { return p.sign(append(data, '!')) }}))
	}
	wrong := verdicts(t, list, forged)
	for i, one := range verdicts(t, list, logins) {
		if (one.Verdict == "ok") != (cases[i].refusal == "") || !strings.Contains(one.Detail, cases[i].refusal) {
			t.Errorf("%s: %s, %q", cases[i].name, one.Verdict, one.Detail)
		}
		if wrong[i].Verdict != "failed" {
			t.Errorf("%s, wrong signature: %s", cases[i].name, wrong[i].Verdict)
		}
	}
}

func TestCountsOverTheWholeRange(t *testing.T) {
	cases := []struct {
		stored, presented uint32
		verdict           string
	}{
		{0, 0, "ok"}, {0, math.MaxUint32, "ok"}, {1, 0, "failed"}, {1 << 31, 1 << 31, "failed"},
		{1<<31 - 1, 1 << 31, "ok"}, {math.MaxUint32 - 1, math.MaxUint32, "ok"}, {math.MaxUint32, math.MaxUint32, "failed"},
	}
	var list []*passkey
	var logins []object
	for _, c := range cases {
		p := newPasskey(es256(), func(p *passkey) { p.count = c.stored })
		list, logins = append(list, p), append(logins, p.login(object{"count": c.presented}))
	}
	for i, one := range verdicts(t, list, logins) {
		if one.Verdict != cases[i].verdict || one.Verdict == "ok" && *one.NewCounter != cases[i].presented {
			t.Errorf("%+v: %s, %q", cases[i], one.Verdict, one.Detail)
		}
	}
}

func TestIDsOfAnyLengthAndAnUnknownHandle(t *testing.T) {
	var list []*passkey
	var logins []object
	for i, size := range []int{1, 16, 64, 1023} {
		p := newPasskey(es256(), func(p *passkey) {
			p.id = bytes.Repeat([]byte{0xfb}, size) // with + and / in base64
			p.record["user"] = fmt.Sprint("user ", i)
			delete(p.record, "userHandle")
			delete(p.record, "transport")
		})
		list, logins = append(list, p), append(logins, p.login(object{"handle": b64url([]byte{byte(i + 1)})}))
	}
	for i, one := range verdicts(t, list, logins) {
		if one.Verdict != "ok" {
			t.Errorf("%d: %s, %q", i, one.Verdict, one.Detail)
		}
	}
}

func TestALineThatCannotBeJudgedIsAnError(t *testing.T) {
	p, other := newPasskey(es256()), newPasskey(es256())
	var logins []any
	for _, field := range []string{"credentialId", "challenge", "origin", "rpId", "response"} {
		line := p.login(nil)
		delete(line, field)
		logins = append(logins, line)
	}
	// Genuine, but about another credential than the line says.
	logins = append(logins, p.login(object{"credentialId": b64url(other.id)}), 7, nil, p.login(nil))
	var words []string
	for _, one := range verdicts(t, []*passkey{p, other}, logins) {
		words = append(words, one.Verdict)
	}
	if want := append(slices.Repeat([]string{"error"}, 8), "ok"); !slices.Equal(words, want) {
		t.Error(words)
	}
}

func TestInputThatCannotBeRead(t *testing.T) {
	p := newPasskey(es256())
	good := write(t, "good.json", must(json.Marshal(records([]*passkey{p}))))
	assertions := write(t, "good.jsonl", lines([]object{p.login(nil)}))
	for _, c := range []struct {
		arguments []string
		message   string
	}{
		{[]string{good}, "usage"},
		{[]string{"absent.json", assertions}, "absent.json"},
		{[]string{good, "absent.jsonl"}, "absent.jsonl"},
		{[]string{good, write(t, "bad.jsonl", []byte(`{"credentialId":`))}, "assertion 1"},
		{[]string{write(t, "object.json", []byte("{}")), assertions}, "not a JSON array"},
		{[]string{write(t, "two.json", []byte("[] []")), assertions}, "more after the array"},
		{[]string{write(t, "bad.json", []byte("[{]")), assertions}, "bad.json"},
	} {
		stdout, stderr, code := runProgram(t, c.arguments...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.message) {
			t.Errorf("%s: %d, %q, %q", c.message, code, stdout, stderr)
		}
	}
}

// ---- the loader of the example

func TestTheLoaderRefusesMalformedAndRepeatedRecords(t *testing.T) {
	good := newPasskey(es256())
	set := func(name string, value any) func(*passkey) { return func(p *passkey) { p.record[name] = value } }
	for what, change := range map[string]func(*passkey){
		"no id":                 func(p *passkey) { p.id = nil },
		"repeated id":           func(p *passkey) { p.id = good.id },
		"no key":                set("publicKey", nil),
		"key in base64url":      set("publicKey", "-_8="),
		"no user":               set("user", ""),
		"no RP ID":              set("rpId", ""),
		"count as text":         set("authenticator", json.RawMessage(`{"signCount":"7"}`)),
		"another handle of ana": set("userHandle", []byte("another")),
		"ana's handle for bob":  set("user", "bob"),
		"flags as a number":     set("flags", 29),
	} {
		list := records([]*passkey{good, newPasskey(es256(), change)})
		for _, path := range []string{write(t, "r.json", must(json.Marshal(list))), write(t, "r.jsonl", lines(list))} {
			if _, err := passkeys.Load(path); err == nil || !strings.Contains(err.Error(), "record 2: ") {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func TestWhatALoginGivesCanBeStored(t *testing.T) {
	p := newPasskey(es256())
	store := must(passkeys.Load(write(t, "r.jsonl", lines([]object{p.record}))))
	response := must(json.Marshal(p.login(object{"flags": up | uv | be})["response"]))
	expected := passkeys.Expected{
		Challenge: b64url([]byte("a challenge of 16 bytes or more")), Origin: "https://example.com", RPID: "example.com",
	}
	found, credential, err := store.CheckLogin(response, expected)
	if err != nil {
		t.Fatal(err)
	}
	flags := credential.Flags
	if found.User != "ana@example.com" || credential.Authenticator.SignCount != 8 || !flags.BackupEligible || flags.BackupState {
		t.Errorf("%s, %+v", found.User, credential)
	}
	if found.Credential.Authenticator.SignCount != 7 {
		t.Error("the caller stores the count")
	}
	// Stored again as JSON it meets the next login, and no older one.
	p.record["authenticator"] = credential.Authenticator
	p.record["flags"] = credential.Flags
	judged := verdicts(t, []*passkey{p}, []object{p.login(object{"count": uint32(9)}), p.login(object{"count": uint32(8)})})
	if judged[0].Verdict != "ok" || judged[1].Verdict != "failed" {
		t.Errorf("%+v", judged)
	}
}

func TestTheExampleCountsLogins(t *testing.T) {
	p := newPasskey(es256())
	good := write(t, "r.jsonl", lines([]object{p.record}))
	load := func(arguments ...string) (string, bool) {
		command := exec.Command("go", append([]string{"run", "-mod=readonly", "keyferry.example/go_webauthn/load"}, arguments...)...)
		out, err := command.Output()
		return string(out), err == nil
	}
	next := p.login(object{"count": p.count + 2})
	for _, c := range []struct {
		logins  []object
		printed string
		isFine  bool
	}{
		{[]object{p.login(nil), next}, "logins: 2 ok, 0 refused, 0 unknown\n", true},
		// The second is the first again: the count is kept.
		{[]object{p.login(nil), p.login(nil), p.login(object{"id": b64url([]byte("unknown"))})}, "logins: 1 ok, 1 refused, 1 unknown\n", false},
	} {
		printed, isFine := load(good, write(t, "assertions.jsonl", lines(c.logins)))
		if printed != "passkeys: 1, users: 1\n"+c.printed || isFine != c.isFine {
			t.Errorf("%v, %q", isFine, printed)
		}
	}
	if _, isFine := load("absent.json"); isFine {
		t.Error("absent.json was read")
	}
}
