// Package policy knows what tools may do by the administrator's word, and finds what a toolforge.yaml asks beyond it. It is
// pure: it asks nobody. Parse reads the administrator's file, Check compares a manifest with what its tool is allowed.
package policy
