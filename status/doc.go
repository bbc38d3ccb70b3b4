// Package status answers what toolforged is doing, over HTTP: every tool, why it is or is not ready, its builds with the
// end of their logs, the catalogue of builders and the directories of tools; as JSON for scripts, as plain pages for people, and as metrics. It
// only reads, and from a cache: no request changes anything or reaches the Kubernetes API server.
//
// The package knows the Tool, Builder and Directory resources, and what to tell a maintainer about each reason. It does not know
// how a status came to be. What it shows was written by strangers (logs, messages, names from repositories): it is
// bounded, stripped of terminal and bidirectional controls, and escaped.
//
// The entry point is [New]; [Server] adds the time limits that a server needs, [NewCollector] the metrics. The JSON is
// a stable contract: its types are all in types.go, and docs/status-endpoint.md describes them.
package status
