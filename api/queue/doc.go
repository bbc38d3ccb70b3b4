// Package queue says in which order builds take their turns, computed from the records in the Tools' statuses alone: whoever
// has the records, the daemon of another shard or the status endpoint, comes to the same order. It is pure and knows neither
// pods nor clocks.
//
// The entry point is Of.
package queue
