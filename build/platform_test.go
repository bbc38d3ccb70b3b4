package build

import "testing"

func TestPlatformAPI(t *testing.T) {
	for _, test := range []struct {
		name    string
		offered []string
		want    string
		err     string
	}{
		{"newest of both", []string{"0.7", "0.12", "0.15", "0.14"}, "0.15", ""},
		{"older lifecycle", []string{"0.12", "0.13"}, "0.13", ""},
		{"newer lifecycle", []string{"0.15", "0.16"}, "0.15", ""},
		{"too old", []string{"0.3"}, "", "its lifecycle speaks the platform APIs 0.3; toolforged speaks those from 0.12 to 0.15"},
		{"none", nil, "", "its lifecycle names no platform API; toolforged speaks those from 0.12 to 0.15"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := PlatformAPI(test.offered)
			if got != test.want || errorText(err) != test.err {
				t.Errorf("got %q, %v; want %q, %q", got, err, test.want, test.err)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
