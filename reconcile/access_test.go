package reconcile

import "testing"

func TestHostSecrets(t *testing.T) {
	secrets := HostSecrets{"forge.example": "forge", "forge.example:8443": "other", "http://git.example:3000": "plain"}
	if err := secrets.Validate(); err != nil {
		t.Fatal(err)
	}
	for repository, want := range map[string]string{
		"https://forge.example/tool.git":       "forge",
		"https://FORGE.example:443/tool.git":   "forge",
		"ssh://git@forge.example/tool.git":     "forge",
		"ssh://git@forge.example:22/tool.git":  "forge",
		"https://forge.example:8443/tool.git":  "other",
		"http://forge.example/tool.git":        "",
		"http://git.example:3000/tool.git":     "plain",
		"https://git.example:3000/tool.git":    "",
		"https://evil.forge.example/tool.git":  "",
		"https://forge.example.evil.example/t": "",
		"ssh://git@forge.example:2222/tool":    "",
		"://":                                  "",
	} {
		if got := secrets.of(repository); got != want {
			t.Errorf("%s: %q, want %q", repository, got, want)
		}
	}
	for _, wrong := range []HostSecrets{{"https://forge.example": "x"}, {"forge.example/path": "x"}, {"": "x"}, {"Forge.example": "x"}, {"me@forge.example": "x"}, {"forge.example": ""}} {
		if wrong.Validate() == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}
