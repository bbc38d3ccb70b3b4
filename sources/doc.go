// Package sources knows where revisions come from: it asks a git server, over HTTP or SSH, which commit a ref names,
// reads files and the identities of directories of one commit, and watches many repositories for changes.
//
// It speaks git's protocol itself: version 2, and 1 and 0 with servers that know no better. One ls-refs request costs the
// same however many refs a repository has (an older server sends them all, and none is kept), and a shallow fetch without
// blobs, followed by a fetch of one blob, reads one file without holding the repository.
// Everything a server sends is bounded in size, count and time.
//
// Where revisions are is written by strangers: [Allowed] says which servers may be asked, so that no repository's address
// leads to what only this side can reach.
//
// It does not know what a manifest means, what is built or what runs.
//
// A repository is watched under any number of names: they share its polls, and what is read of a commit.
//
// The entry points are [Client], which asks, and [Poller], which watches.
package sources
