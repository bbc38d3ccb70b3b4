// Package manifest reads toolforge.yaml, the one file in which a tool's maintainers say what to build and what to run.
//
// It knows the file's keys, their defaults and bounds, and how to say what is wrong with a file in words a maintainer
// can act on, with line and column. It does not know git, images, clusters or Kubernetes types, and does no input or
// output: bytes go in, a Manifest or a list of Problems comes out.
//
// The entry point is Parse. Files of Toolforge's older formats (components.go, joblist.go, template.go) are read as they were
// written and turned into nodes of version v1 (convert.go) that keep their lines and columns, which the one reader of v1 then
// reads; v1text.go writes them down for the maintainer.
//
// The tables of keys (fields in root.go, webservice.go, job.go) are the single place where a
// key is named, documented, bounded and read; Keys shows them to whoever generates a reference or a schema.
package manifest
