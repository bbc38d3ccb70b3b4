package manifest

// Note says what of a file in an older format could not be kept as it is, or has been decided for the maintainer. The
// file is valid nevertheless.
type Note struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Section is as in Problem.
	Section string `json:"section,omitempty"`
}

func (n Note) String() string { return Problem(n).String() }

// tidyNotes sorts and bounds them as Problems are.
func tidyNotes(ps Problems) []Note {
	var notes []Note
	for _, p := range ps.tidy("notes").in(olderSection) {
		notes = append(notes, Note(p))
	}
	return notes
}

// addOnce adds nothing when the same was said of an earlier place.
func (ps *Problems) addOnce(at Position, message string) {
	for _, p := range *ps {
		if p.Message == message {
			return
		}
	}
	ps.add(at, "%s", message)
}
