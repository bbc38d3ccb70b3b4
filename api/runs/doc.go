// Package runs says what became of the runs of a job: of those that took place by their Jobs and pods, and which of those
// that were due did not take place. It is pure: it is given what it judges, and the time.
//
// The entry points are Of, for one run, and Missed.
package runs
