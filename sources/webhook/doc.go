// Package webhook hears from forges that a repository was pushed to, so that the push is noticed at once. What a webhook
// says is not trusted: it hastens a poll, and the poll finds out what is so.
//
// [Handler] answers POST /webhook/<forge> for GitLab, GitHub, Gitea and Forgejo, Gerrit's plugin, and for whoever can sign
// a few bytes ("generic"). A request is bounded in size, number and rate, its secret or signature is compared in constant
// time, and it is answered before anything else happens. [Directory] holds the secrets.
package webhook
