package sources

// RawCommit is the commit object as git has it, without its header: what a signature speaks of.
func (s *Snapshot) RawCommit() []byte {
	_, data, _, err := s.store.object(s.commit)
	if err != nil {
		return nil // commits are in memory: cannot fail
	}
	return data
}
