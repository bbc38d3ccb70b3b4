// Command example-go is a web page with one dependency.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: http.HandlerFunc(page), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()

	<-ctx.Done()
	finish, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(finish); err != nil {
		log.Print(err)
	}
}

// page greets and writes a number as the reader's language does.
func page(w http.ResponseWriter, r *http.Request) {
	tag, _ := language.MatchStrings(language.NewMatcher([]language.Tag{language.English, language.German}), r.Header.Get("Accept-Language"))
	fmt.Fprintln(w, "Hello from Go")
	message.NewPrinter(tag).Fprintf(w, "%d seconds\n", time.Now().Unix())
}
