package testscripts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/rogpeppe/go-internal/testscript"
)

// ageEncrypt TOOL VALUE FILE WORD encrypts a value for the tool's key, which the status endpoint shows, and puts it into the
// file in the place of the word, as a YAML text.
func ageEncrypt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: age-encrypt TOOL VALUE FILE WORD")
	}
	key, err := of(ts).publicKey(ts.Getenv("STATUS"), args[0])
	ts.Check(err)
	armored, err := encrypt(key, args[1])
	ts.Check(err)
	file := ts.MkAbs(args[2])
	text, err := os.ReadFile(file)
	ts.Check(err)
	if strings.Count(string(text), args[3]) != 1 {
		ts.Fatalf("%s must have %s once:\n%s", args[2], args[3], text)
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(string(text), args[3], strconv.Quote(armored), 1)), 0o666))
}

// publicKey waits for the tool's key to be shown.
func (s *session) publicKey(status, tool string) (string, error) {
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	for {
		code, body, err := s.platform.Visit(ctx, status+"/api/v1/tools/"+tool)
		var shown struct {
			PublicKey string `json:"public_key"`
		}
		if err == nil && code == 200 {
			err = json.Unmarshal([]byte(body), &shown)
		}
		if err == nil && shown.PublicKey != "" {
			return shown.PublicKey, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("tool %s shows no public key: %d %v", tool, code, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// encrypt is `age -a -r KEY`.
func encrypt(key, value string) (string, error) {
	recipient, err := age.ParseX25519Recipient(key)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	armored := armor.NewWriter(&text)
	plain, err := age.Encrypt(armored, recipient)
	if err != nil {
		return "", err
	}
	if _, err := plain.Write([]byte(value)); err != nil {
		return "", err
	}
	if err := plain.Close(); err != nil {
		return "", err
	}
	if err := armored.Close(); err != nil {
		return "", err
	}
	return text.String(), nil
}
