// Command bench measures toolforged, beside Flux's way of applying, on a real API server. `make bench` runs it.
//
// What is measured is the real controller, in a process of its own (daemon.go), wired as cmd/toolforged does
// (controller.go); revisions and builds are stand-ins, because git and builds are not what is measured. No kubelet and no
// Deployment controller run: where rollouts matter, the bench plays them (rollouts.go).
//
// What a poll costs is measured with git's own server (gitprocess.go), beside go-git's way (polls.go).
//
// Each result is a line "figure <name> <value> <unit>" on standard output. What goes on is told on standard error.
package main
