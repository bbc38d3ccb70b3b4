// Package directory knows what a directory of tools says: it reads a commit that lists tools, a YAML file for each, and plans
// which Tools have to be written and which may go. It changes nothing itself.
//
// A file has the keys of a Tool's spec in snake_case; there is no second list of them here. What the API server alone can
// check, it checks when the Tool is written, and [File.Place] says where in the file that was.
//
// The entry points are [Reader.Read] and [Make].
package directory
