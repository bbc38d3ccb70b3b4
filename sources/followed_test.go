package sources

import "testing"

func TestSnapshotHasNoCredentials(t *testing.T) {
	repo := Repository{URL: "https://git.example/x", Ref: "main", Credentials: &Credentials{Username: "a", Password: "b"}}
	if got, want := (&Snapshot{repo: repo}).Repository(), (Repository{URL: repo.URL, Ref: repo.Ref}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
