package status

import (
	"net/http"
	"strings"
)

// secured adds the headers that keep a browser from doing anything with an answer but show it.
func secured(next http.Handler) http.Handler {
	headers := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src '" + styleHash + "'; form-action 'self'; " +
			"base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// WebhookPath is what the paths of webhooks begin with.
const WebhookPath = "/webhook/"

// readOnly refuses every method that could ask for a change. A file to check is posted, because it is too long for an
// address; that changes nothing. A webhook is posted too; it hastens what would happen anyway.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == validatePath || strings.HasPrefix(r.URL.Path, WebhookPath) {
			next.ServeHTTP(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeText(w, http.StatusMethodNotAllowed, "this endpoint only shows things: GET and HEAD\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}
