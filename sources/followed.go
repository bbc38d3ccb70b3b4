package sources

// Repository says which repository the commit is of, and at which ref it was asked for. It has no credentials.
func (s *Snapshot) Repository() Repository {
	return Repository{URL: s.repo.URL, Ref: s.repo.Ref}
}
