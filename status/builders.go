package status

import (
	"net/http"
)

type buildersPage struct {
	frame
	Builders []Builder
}

// serveBuilders shows the catalogue of builders: what `builder` and `stack` in a toolforge.yaml may name.
func (p pages) serveBuilders(w http.ResponseWriter, r *http.Request) {
	builders, err := p.store.builders(r.Context())
	if err != nil {
		p.fail(w, err)
		return
	}
	p.render(w, http.StatusOK, "builders.html", buildersPage{p.frame("Builders"), builders})
}
