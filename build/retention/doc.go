// Package retention removes from the registry what builds have left there and nothing needs any more: images, caches, logs.
//
// It never removes what runs or may be put back: what is needed is said by the tool's records and by every object in its
// namespace. What is not is first marked, with the time, in the registry; once it has been marked for long enough, and still
// nothing needs it, it is removed. A kill at any instruction leaves marks, which say nothing wrong, or something removed that
// was to be removed.
//
// The entry point is [Sweeper].
package retention
