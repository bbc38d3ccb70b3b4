package manifest

import "testing"

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"schedul", "schedule", 1}, {"ropt", "port", 2},
		{"prot", "port", 1}, {"comand", "command", 1}, {"cpu", "memory", 6}, {"retries", "retry", 3},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: got %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%q to %q: got %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	_, keys := jobSection.nestedKeys()
	for name, want := range map[string]string{
		"Schedule": "schedule", "time-out": "timeout", "retries": "retry", "cmd": "command", "replica": "replicas", "nmae": "name",
		"conc": "concurrency", "healthcheck": "health_check", "x": "", "ports": "port", "environment": "env", "colour": "",
		"email": "emails", "comand": "command",
	} {
		if got, _ := nearest(name, keys); got.Name != want {
			t.Errorf("%q: got %q, want %q", name, got.Name, want)
		}
	}
}
