package status

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/go-logr/logr"
)

// Server returns a server for the handler at an address, with bounds on what one client can hold: 16 KiB of headers,
// 5 s to send them, 10 s for a whole request, 30 s for the answer, 60 s between two requests.
func Server(addr string, handler http.Handler, log logr.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logr.ToSlogHandler(log), slog.LevelInfo),
	}
}
