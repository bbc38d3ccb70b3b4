// Package testscripts is the end-to-end language: scripts (testscript's txtar files) that push to the git server, wait for
// what becomes of it, and visit the sites, on a running platform with the real parts. scripts/ holds what people do, run
// side by side; faults/ what breaks the platform or counts its every write, run one by one. testdata/repository is what those
// scripts push that need many repositories.
//
// commands_test.go says what each command does. Run them by `make test`, or one by `go test ./testscripts -run Scripts/NAME`
// with the environment that the Makefile exports.
package testscripts
