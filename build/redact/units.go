package redact

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// longestEscape is that of a surrogate pair: \ud83d\ude00.
	longestEscape = 12
	// longestGap is how much white space may be between two characters of a secret, in bytes.
	longestGap = 256
)

func isEscape(b byte) bool { return b == '%' || b == '\\' }

// unescape reads the escape at the beginning of text: of URLs (%41), of JSON, programming languages and shells (\u0041, \x41,
// \101, \n, \"). It returns what it stands for and its length, which is 0 where there is none; more tells that it may be one
// when text goes on.
func unescape(text []byte, buffer []byte) (stands []byte, length int, more bool) {
	switch {
	case text[0] == '%':
		return hexadecimal(text, 1, 2, buffer)
	case len(text) == 1:
		return nil, 0, true
	}
	switch c := text[1]; {
	case c == 'x':
		return hexadecimal(text, 2, 2, buffer)
	case c == 'U':
		return character(text, 8, buffer)
	case c == 'u':
		stands, length, more = character(text, 4, buffer)
		if length == 0 {
			return stands, length, more
		}
		if r, _ := codePoint(text[2:6]); utf16.IsSurrogate(r) {
			return surrogates(text, r, buffer)
		}
		return stands, length, more
	case c == 'n' || c == 'r' || c == 't' || c == 'b' || c == 'f':
		return append(buffer[:0], '\n'), 2, false
	case '0' <= c && c <= '3':
		return octal(text, buffer)
	case c < utf8.RuneSelf && !isAlphanumeric(c) && !isSpace(c):
		return append(buffer[:0], c), 2, false
	}
	return nil, 0, false
}

// hexadecimal reads a byte in so many digits.
func hexadecimal(text []byte, from, digits int, buffer []byte) (stands []byte, length int, more bool) {
	value := byte(0)
	for i := from; i < from+digits; i++ {
		if i == len(text) {
			return nil, 0, true
		}
		digit, ok := hexDigit(text[i])
		if !ok {
			return nil, 0, false
		}
		value = value<<4 | digit
	}
	return append(buffer[:0], value), from + digits, false
}

func octal(text, buffer []byte) (stands []byte, length int, more bool) {
	value := byte(0)
	for i := 1; i < 4; i++ {
		if i == len(text) {
			return nil, 0, true
		}
		if text[i] < '0' || text[i] > '7' {
			return nil, 0, false
		}
		value = value<<3 | (text[i] - '0')
	}
	return append(buffer[:0], value), 4, false
}

// character reads a code point in so many digits.
func character(text []byte, digits int, buffer []byte) (stands []byte, length int, more bool) {
	for i := 2; i < 2+digits; i++ {
		if i == len(text) {
			return nil, 0, true
		}
		if _, ok := hexDigit(text[i]); !ok {
			return nil, 0, false
		}
	}
	r, ok := codePoint(text[2 : 2+digits])
	if !ok {
		return nil, 0, false
	}
	return utf8.AppendRune(buffer[:0], r), 2 + digits, false
}

// surrogates reads the second half of a pair whose first half is r.
func surrogates(text []byte, r rune, buffer []byte) (stands []byte, length int, more bool) {
	for i, want := range []byte(`\u`) {
		if 6+i == len(text) {
			return nil, 0, true
		}
		if text[6+i] != want {
			return nil, 0, false
		}
	}
	for i := 8; i < 12; i++ {
		if i == len(text) {
			return nil, 0, true
		}
		if _, ok := hexDigit(text[i]); !ok {
			return nil, 0, false
		}
	}
	second, _ := codePoint(text[8:12])
	if r = utf16.DecodeRune(r, second); r == utf8.RuneError {
		return nil, 0, false
	}
	return utf8.AppendRune(buffer[:0], r), longestEscape, false
}

func codePoint(digits []byte) (rune, bool) {
	value, err := strconv.ParseUint(string(digits), 16, 32)
	return rune(value), err == nil && value <= utf8.MaxRune
}

func hexDigit(b byte) (byte, bool) {
	switch {
	case '0' <= b && b <= '9':
		return b - '0', true
	case 'a' <= b && b <= 'f':
		return b - 'a' + 10, true
	case 'A' <= b && b <= 'F':
		return b - 'A' + 10, true
	}
	return 0, false
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// beginning finds where a name begins that is read in text and ends at end: literally or by escapes, with up to gap bytes of
// white space between two characters, and with as much after the last one if trailing. Where there are several readings it
// is the shortest: what comes before it can always be read by itself. It is -1 where there is none.
func beginning(text []byte, end int, name []byte, gap int, trailing bool) int {
	if bytes.HasSuffix(text[:end], name) {
		return end - len(name)
	}
	reached := make([][]int, len(name)+1)
	reached[len(name)] = []int{end}
	for k := len(name); k > 0; k-- {
		between := gap
		if k == len(name) && !trailing {
			between = 0
		}
		for _, at := range reached[k] {
			for _, from := range skipBack(text, at, between) {
				readBack(text, from, name[:k], reached)
			}
		}
	}
	begins := -1
	for _, at := range reached[0] {
		begins = max(begins, at)
	}
	return begins
}

// readBack adds where the last character of a name begins that ends at a place in text.
func readBack(text []byte, end int, name []byte, reached [][]int) {
	add := func(k, at int) {
		for _, known := range reached[k] {
			if known == at {
				return
			}
		}
		reached[k] = append(reached[k], at)
	}
	k := len(name)
	if end > 0 && text[end-1] == name[k-1] {
		add(k-1, end-1)
	}
	escapesBack(text, end, func(from int, stands []byte) {
		if n := len(stands); n <= k && string(name[k-n:]) == string(stands) {
			add(k-n, from)
		}
	})
}

// escapesBack calls found with each escape that ends at a place in text.
func escapesBack(text []byte, end int, found func(from int, stands []byte)) {
	var buffer [utf8.UTFMax]byte
	for length := 2; length <= min(longestEscape, end); length++ {
		if from := end - length; isEscape(text[from]) {
			if stands, n, _ := unescape(text[from:end], buffer[:]); n == length {
				found(from, stands)
			}
		}
	}
}

// skipBack lists the places that only white space lies between and a place in text.
func skipBack(text []byte, at, gap int) []int {
	places := []int{at}
	for i := 0; i < len(places); i++ {
		place := places[i]
		add := func(from int) {
			if at-from > gap {
				return
			}
			for _, known := range places {
				if known == from {
					return
				}
			}
			places = append(places, from)
		}
		if place > 0 && isSpace(text[place-1]) {
			add(place - 1)
		}
		escapesBack(text, place, func(from int, stands []byte) {
			if len(stands) == 1 && isSpace(stands[0]) {
				add(from)
			}
		})
	}
	return places
}
