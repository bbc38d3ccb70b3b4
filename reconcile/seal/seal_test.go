package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
)

func identity(t testing.TB) *Identity {
	t.Helper()
	made, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// encrypted is what `age -a` prints.
func encrypted(t testing.TB, value string, recipients ...age.Recipient) string {
	t.Helper()
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	plain, err := age.Encrypt(text, recipients...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Write([]byte(value)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(plain.Close(), text.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (i *Identity) recipient() age.Recipient { return i.pair.Recipient() }

func passphrase(t testing.TB) age.Recipient {
	t.Helper()
	recipient, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(10)
	return recipient
}

func TestOpen(t *testing.T) {
	own, other := identity(t), identity(t)
	crowd := func(n int) []age.Recipient {
		var recipients []age.Recipient
		for range n - 1 {
			recipients = append(recipients, other.recipient())
		}
		return append(recipients, own.recipient())
	}
	whole := encrypted(t, "hunter2", own.recipient())
	lines := strings.Split(whole, "\n")
	changed := func(line int, old, new string) string {
		copied := append([]string{}, lines...)
		copied[line] = strings.Replace(copied[line], old, new, 1)
		return strings.Join(copied, "\n")
	}
	last := len(lines) - 3
	flipped := "A"
	if lines[last][0] == 'A' {
		flipped = "B"
	}
	for name, test := range map[string]struct {
		armored string
		want    string
		err     error
	}{
		"a value":               {whole, "hunter2", nil},
		"nothing":               {encrypted(t, "", own.recipient()), "", nil},
		"Return at the end":     {encrypted(t, "hunter2\n", own.recipient()), "hunter2", nil},
		"Windows' Return":       {encrypted(t, "hunter2\r\n", own.recipient()), "hunter2", nil},
		"only Return":           {encrypted(t, "\n", own.recipient()), "", nil},
		"several lines":         {encrypted(t, "one\ntwo\n", own.recipient()), "one\ntwo\n", nil},
		"an empty line":         {encrypted(t, "one\n\n", own.recipient()), "one\n\n", nil},
		"no ASCII":              {encrypted(t, "żółć $(x)", own.recipient()), "żółć $(x)", nil},
		"among others":          {encrypted(t, "hunter2", crowd(MaxRecipients)...), "hunter2", nil},
		"the largest":           {encrypted(t, strings.Repeat("x", MaxValue), own.recipient()), strings.Repeat("x", MaxValue), nil},
		"CRLF":                  {strings.ReplaceAll(whole, "\n", "\r\n"), "hunter2", nil},
		"another tool's":        {encrypted(t, "hunter2", other.recipient()), "", ErrOtherKey},
		"a passphrase":          {encrypted(t, "hunter2", passphrase(t)), "", ErrPassphrase},
		"too many":              {encrypted(t, "hunter2", crowd(MaxRecipients+1)...), "", ErrRecipients},
		"far too many":          {encrypted(t, "hunter2", crowd(1000)...), "", ErrRecipients},
		"too large":             {encrypted(t, strings.Repeat("x", MaxValue+1), own.recipient()), "", ErrTooLarge},
		"NUL":                   {encrypted(t, "a\x00b", own.recipient()), "", ErrBinary},
		"no text":               {encrypted(t, "a\xffb", own.recipient()), "", ErrBinary},
		"folded":                {strings.ReplaceAll(whole, "\n", " "), "", ErrOneLine},
		"nothing at all":        {"", "", ErrOneLine},
		"the value itself":      {"-----BEGIN AGE ENCRYPTED FILE-----\nhunter2\n-----END AGE ENCRYPTED FILE-----", "", ErrDamaged},
		"a changed letter":      {changed(last, lines[last][:1], flipped), "", ErrDamaged},
		"a line less":           {strings.Join(append(append([]string{}, lines[:2]...), lines[3:]...), "\n"), "", ErrDamaged},
		"something after it":    {whole + "more\n", "", ErrDamaged},
		"no text form":          {"age-encryption.org/v1\n-> X25519 x\n", "", ErrDamaged},
		"two values in a file":  {whole + whole, "", ErrDamaged},
		"indented":              {strings.ReplaceAll(whole, "\n", "\n  "), "", ErrDamaged},
		"spaces around the end": {"\n\n" + whole + "  \n\n", "hunter2", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Open(own, test.armored)
			if got != test.want || !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("%.80q, %v; want %.80q, %v", got, err, test.want, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the value in it: %v", err)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	made := identity(t)
	again, err := ParseIdentity(made.Text())
	if err != nil || again.PublicKey() != made.PublicKey() || !strings.HasPrefix(made.PublicKey(), "age1") {
		t.Errorf("%s was read again as %v, %v", made.PublicKey(), again, err)
	}
	if other := identity(t); other.PublicKey() == made.PublicKey() {
		t.Error("two key pairs are the same")
	}
	for _, text := range []string{"", made.PublicKey(), made.Text()[:40], made.Text() + "\n#"} {
		if _, err := ParseIdentity(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%.10q…: %v", text, err)
		}
	}
}

// FuzzOpen: whatever is given as a value, it is refused by one of the known errors or is text of bounded size, soon.
func FuzzOpen(f *testing.F) {
	own, err := ParseIdentity("AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encrypted(f, "hunter2", own.recipient()))
	f.Add(encrypted(f, strings.Repeat("x", 70_000), own.recipient()))
	f.Add(encrypted(f, "a\x00b", own.recipient(), identity(f).recipient()))
	f.Add(encrypted(f, "hunter2", passphrase(f)))
	f.Add(encrypted(f, "hunter2", identity(f).recipient()))
	f.Add("-----BEGIN AGE ENCRYPTED FILE-----\n\n-----END AGE ENCRYPTED FILE-----")
	all := []error{ErrOtherKey, ErrPassphrase, ErrRecipients, ErrOneLine, ErrDamaged, ErrTooLarge, ErrBinary}
	f.Fuzz(func(t *testing.T, armored string) {
		began := time.Now()
		value, err := Open(own, armored)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if err == nil {
			if len(value) > MaxValue || strings.ContainsRune(value, 0) {
				t.Errorf("a value of %d bytes", len(value))
			}
			return
		}
		for _, known := range all {
			if err == known {
				return
			}
		}
		t.Errorf("an error that is not one of the known: %v", err)
	})
}
