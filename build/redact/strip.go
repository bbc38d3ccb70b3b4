package redact

// stripper takes out of text what makes a terminal do something else than show it: escape sequences, control characters,
// and the characters that turn the direction of writing or are not seen. A carriage return becomes a new line.
type stripper struct {
	in     stripState
	prefix [2]byte // the first bytes of a character that is three bytes long, or two
	held   int
}

type stripState uint8

const (
	inText stripState = iota
	afterReturn
	afterEscape
	inSequence // ESC [ … until a letter
	inString   // ESC ] … until BEL or ESC \
	inStringEscape
)

// append appends what is left of text.
func (s *stripper) append(to, text []byte) []byte {
	for i := 0; i < len(text); {
		if s.in == inText && s.held == 0 {
			n := i
			for n < len(text) && !special[text[n]] {
				n++
			}
			to = append(to, text[i:n]...)
			if i = n; i == len(text) {
				break
			}
		}
		to = s.next(to, text[i])
		i++
	}
	return to
}

// end appends what was held.
func (s *stripper) end(to []byte) []byte {
	to = append(to, s.prefix[:s.held]...)
	s.held = 0
	return to
}

// special are the bytes that are looked at: controls, and what unseen characters begin with.
var special = func() (table [256]bool) {
	for b := range 0x20 {
		table[b] = b != '\n' && b != '\t'
	}
	table[0x7f], table[0xc2], table[0xd8], table[0xe2], table[0xef] = true, true, true, true, true
	return table
}()

func (s *stripper) next(to []byte, b byte) []byte {
	switch s.in {
	case afterReturn:
		if s.in = inText; b == '\n' {
			return to
		}
	case afterEscape:
		return s.escape(to, b)
	case inSequence:
		switch {
		case 0x20 <= b && b <= 0x3f:
			return to
		case 0x40 <= b && b <= 0x7e:
			s.in = inText
			return to
		}
		s.in = inText
	case inString, inStringEscape:
		return s.string(to, b)
	}
	return s.text(to, b)
}

func (s *stripper) escape(to []byte, b byte) []byte {
	s.in = inText
	switch {
	case b == '[':
		s.in = inSequence
	case b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_':
		s.in = inString
	case 0x20 <= b && b <= 0x2f:
		s.in = afterEscape // the last character follows
	case b < 0x20 || b >= 0x7f:
		return s.text(to, b)
	}
	return to
}

func (s *stripper) string(to []byte, b byte) []byte {
	switch {
	case b == '\n':
		s.in = inText
		return append(to, b)
	case b == 0x07 || s.in == inStringEscape && b == '\\':
		s.in = inText
	case b == 0x1b:
		s.in = inStringEscape
	default:
		s.in = inString
	}
	return to
}

func (s *stripper) text(to []byte, b byte) []byte {
	if s.held > 0 {
		return s.character(to, b)
	}
	switch {
	case !special[b]:
		return append(to, b)
	case b >= 0x80:
		s.prefix[0], s.held = b, 1
	case b == '\r':
		s.in = afterReturn
		return append(to, '\n')
	case b == 0x1b:
		s.in = afterEscape
	}
	return to
}

// character goes on with a character whose first bytes are held.
func (s *stripper) character(to []byte, b byte) []byte {
	first, held := s.prefix[0], s.held
	if b < 0x80 || b > 0xbf {
		to = s.end(to)
		return s.text(to, b)
	}
	if first >= 0xe0 && held == 1 {
		s.prefix[1], s.held = b, 2
		return to
	}
	s.held = 0
	switch {
	case first == 0xc2 && b == 0x9b:
		s.in = inSequence // the same as ESC [
		return to
	case first == 0xc2 && b < 0xa0, first == 0xd8 && b == 0x9c, held == 2 && unseen(first, s.prefix[1], b):
		return to
	}
	return append(append(to, s.prefix[:held]...), b)
}

// unseen tells of U+200B to U+200F, U+2028 to U+202E, U+2060 to U+206F and U+FEFF.
func unseen(a, b, c byte) bool {
	switch {
	case a == 0xe2 && b == 0x80:
		return 0x8b <= c && c <= 0x8f || 0xa8 <= c && c <= 0xae
	case a == 0xe2 && b == 0x81:
		return 0xa0 <= c && c <= 0xaf
	}
	return a == 0xef && b == 0xbb && c == 0xbf
}
