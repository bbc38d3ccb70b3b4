package redact_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// FuzzRedact hides secrets in any text: nothing of them is left, whatever pieces it comes in, and the pieces make no difference.
func FuzzRedact(f *testing.F) {
	f.Add("a log\n", uint64(1))
	f.Add("%4\\u00\\x", uint64(2))
	f.Add("-----BEGIN RSA PRIVATE KEY-----\n://u:p@h", uint64(3))
	f.Add("hunter2hunter\x1b[0m2 hunter2", uint64(4))
	secrets := []string{"hunter2hunter2", secret, lines, "aaab\naaaa", "hunter3"}
	set := newSet(f, secrets...)
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if len(text) > 4<<10 {
			return
		}
		random := rand.New(rand.NewPCG(seed, 0))
		value := secrets[random.IntN(len(secrets))]
		ways := written(value)
		names := make([]string, 0, len(ways))
		for name := range ways {
			names = append(names, name)
		}
		slices.Sort(names)
		way := names[random.IntN(len(names))]
		form := ways[way]
		if left(text, way, form, value) || left(set.String(text), way, form, value) {
			return // it is in the text already
		}
		at := random.IntN(len(text) + 1)
		// The new line ends what the text before it may have left open, such as a title.
		hidden := text[:at] + "\n" + form + text[at:]
		whole := set.String(hidden)
		if got := inChunks(t, set, hidden, random); got != whole {
			t.Fatalf("%q becomes %q, and in pieces %q", hidden, whole, got)
		}
		if strings.Contains(whole, value) || left(whole, way, form, value) {
			t.Fatalf("%q becomes %q", hidden, whole)
		}
	})
}
