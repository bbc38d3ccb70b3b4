// Package signed knows who signed a commit: it takes the raw bytes of a git commit and the public keys that count, and says
// whose signature it has or why that is none. SSH signatures (gpg.format=ssh) and OpenPGP ones are understood; X.509 is not.
//
// Keys hold for the time that the caller gives: one that has expired or was revoked signs nothing any more, also what it
// signed before, because whoever has found it may write any date into a commit.
//
// It does not know where commits and keys come from, or what is done with the answer.
//
// The entry points are [Of], which takes a commit's signature out of it, and [ParseKeys].
package signed
