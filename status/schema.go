package status

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"
)

// serveSchema serves the JSON Schema of toolforge.yaml to editors, also to those that run in a browser. They may keep it for
// an hour, and then ask whether it is still the same.
func serveSchema(schema []byte) http.HandlerFunc {
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(schema))
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "application/schema+json")
		header.Set("Cache-Control", "public, max-age=3600")
		header.Set("ETag", tag)
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Cross-Origin-Resource-Policy", "cross-origin")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(schema))
	}
}
