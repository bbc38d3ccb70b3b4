package status

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// Every answer is complete in memory before its first byte is sent: a failure half way is an error, not half a page.

func writeText(w http.ResponseWriter, code int, text string) {
	write(w, code, "text/plain; charset=utf-8", []byte(text))
}

func writeJSON(w http.ResponseWriter, code int, answer any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		return err
	}
	write(w, code, "application/json", body.Bytes())
	return nil
}

// write ignores the error of a client that has gone away: there is nobody to tell.
func write(w http.ResponseWriter, code int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
