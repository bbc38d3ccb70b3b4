package signed

import (
	"bytes"
	"strings"
)

// MaxCommit bounds the bytes of a signed commit: more than a message of hundreds of pages.
const MaxCommit = 64 << 10

// Signature is the signature of one commit and what it speaks of. The zero value is that of an unsigned commit.
type Signature struct {
	armored []byte
	payload []byte
	// wrong says why there is a signature that cannot be one.
	wrong string
}

// Missing tells that the commit is not signed.
func (s Signature) Missing() bool { return len(s.armored) == 0 && s.wrong == "" }

// Of takes the signature out of a raw commit object, without its header "commit SIZE\0". What is signed is the commit without
// the header lines of the signature, as git has it.
func Of(commit []byte) Signature {
	var s Signature
	headers, message, found := bytes.Cut(commit, []byte("\n\n"))
	if !found {
		headers, message = bytes.TrimSuffix(commit, []byte("\n")), nil
	}
	count, in := 0, "" // the signature's header that the line continues
	for line := range bytes.SplitSeq(headers, []byte("\n")) {
		name, value, _ := strings.Cut(string(line), " ")
		switch {
		case strings.HasPrefix(string(line), " ") && in != "":
			value = string(line[1:])
		case name == "gpgsig", name == "gpgsig-sha256":
			in = name
			if name == "gpgsig" {
				count++
			}
		default:
			in = ""
			s.payload = append(append(s.payload, line...), '\n')
		}
		if in == "gpgsig" {
			s.armored = append(append(s.armored, value...), '\n')
		}
	}
	switch {
	case count == 0:
		return Signature{}
	case count > 1:
		return Signature{wrong: "it has more than one signature"}
	case len(commit) > MaxCommit:
		return Signature{wrong: "it is signed, but larger than 64 KiB"}
	}
	if found {
		s.payload = append(append(s.payload, '\n'), message...)
	}
	return s
}
