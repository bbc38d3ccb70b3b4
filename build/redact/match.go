package redact

import "slices"

// most bounds the readings of a text that are followed at once. There are more than one only while escapes may be meant
// literally.
const most = 32

// matcher reads text once and masks what is secret in it. Places in the text are counted from where it began.
type matcher struct {
	*automaton
	// buf is the text that is not let through yet, from the place base on. The automaton has read it up to the place at.
	buf      []byte
	base, at int
	// states are where the readings that end at the place at have led; later holds those that end further on, by place.
	states  []uint32
	later   [longestEscape + 1][]uint32
	waiting int // how many there are in later
	masks   []span
	tokens  []token
	// last is the byte before buf, and masked tells that it was masked.
	last   byte
	masked bool
}

// span is a part of the text: from a place on, up to one.
type span struct{ from, to int }

func newMatcher(a *automaton) *matcher {
	return &matcher{automaton: a, states: []uint32{0}}
}

// append takes more text in and appends what can be let through.
func (m *matcher) append(to, text []byte, final bool) []byte {
	m.buf = append(m.buf, text...)
	m.goOn(final)
	for m.read(final) {
	}
	if final {
		m.goOn(true)
		return m.release(to, m.base+len(m.buf))
	}
	return m.release(to, m.held())
}

// read brings the automaton forward; it returns false when the text is read as far as it can be.
func (m *matcher) read(final bool) bool {
	if len(m.states) == 1 && m.states[0] < m.dense && m.waiting == 0 {
		m.run()
	}
	i := m.at - m.base
	if i == len(m.buf) {
		return false
	}
	b := m.buf[i]
	var buffer [4]byte
	if isEscape(b) {
		stands, length, more := unescape(m.buf[i:], buffer[:])
		if more && !final {
			return false
		}
		if length > 0 {
			m.postpone(stands, m.at+length)
		}
	}
	for j, state := range m.states {
		m.states[j] = m.step(state, b)
	}
	m.at++
	m.arrive()
	for _, state := range m.states {
		m.report(state)
	}
	return true
}

// run reads what needs no attention.
func (m *matcher) run() {
	i, state := m.at-m.base, m.states[0]
	table, class, shift, buf := m.table, &m.class, m.shift&31, m.buf
	for ; i < len(buf); i++ {
		next := table[state<<shift|uint32(class[buf[i]])]
		if next >= attention {
			break
		}
		state = next
	}
	m.at, m.states[0] = m.base+i, state
}

// postpone notes where the readings lead by an escape that ends at a place.
func (m *matcher) postpone(stands []byte, end int) {
	slot := &m.later[end%len(m.later)]
	for _, state := range m.states {
		for _, b := range stands {
			state = m.step(state, b)
		}
		*slot = append(*slot, state)
		m.waiting++
	}
}

// arrive joins the readings that end here.
func (m *matcher) arrive() {
	slot := &m.later[m.at%len(m.later)]
	m.waiting -= len(*slot)
	m.states = append(m.states, *slot...)
	*slot = (*slot)[:0]
	if len(m.states) == 1 {
		return
	}
	// The deepest first, each once.
	slices.SortFunc(m.states, func(a, b uint32) int { return int(b) - int(a) })
	m.states = slices.Compact(m.states)
	m.states = m.states[:min(len(m.states), most)]
}

// report masks the secrets that end here, and looks at what may be a token.
func (m *matcher) report(state uint32) {
	for end := m.ends(state); end != 0; end = m.nodes[end].end {
		found := m.patterns[m.nodes[end].pattern]
		if found.token != nil {
			if begins := beginning(m.buf, m.at-m.base, found.text, 0, false); begins >= 0 {
				m.suspect(found.token, m.base+begins)
			}
		} else if begins := beginning(m.buf, m.at-m.base, found.text, longestGap, false); begins >= 0 {
			m.mask(span{m.base + begins, m.at})
		}
	}
}

// mask adds a span to the masks, which are in order and do not touch.
func (m *matcher) mask(s span) {
	i := len(m.masks)
	for i > 0 && m.masks[i-1].to >= s.from {
		i--
	}
	j := i
	for ; j < len(m.masks) && m.masks[j].from <= s.to; j++ {
		s.from, s.to = min(s.from, m.masks[j].from), max(s.to, m.masks[j].to)
	}
	m.masks = slices.Replace(m.masks, i, j, s)
}

// held is the place up to which the text can be let through: no secret that has begun before it is still open.
func (m *matcher) held() int {
	held := m.at
	look := func(state uint32, end int) {
		for ; state != 0; state = m.nodes[state].fail {
			if m.nodes[state].child == 0 {
				continue
			}
			gap := 0
			if m.nodes[state].secret {
				gap = longestGap
			}
			if begins := beginning(m.buf, end-m.base, m.name(state), gap, true); begins >= 0 {
				held = min(held, m.base+begins)
			}
		}
	}
	for _, state := range m.states {
		look(state, m.at)
	}
	for ahead := 1; ahead < len(m.later) && m.waiting > 0; ahead++ {
		for _, state := range m.later[(m.at+ahead)%len(m.later)] {
			look(state, m.at+ahead)
		}
	}
	for _, t := range m.tokens {
		if !t.open {
			held = min(held, t.begins)
		}
	}
	return held
}

// release appends the text before a place and forgets it.
func (m *matcher) release(to []byte, end int) []byte {
	at := m.base
	kept := 0
	for _, s := range m.masks {
		if s.from >= end {
			break
		}
		if s.from > at {
			to = append(to, m.buf[at-m.base:s.from-m.base]...)
			m.masked = false
		}
		if !m.masked {
			to = append(to, Mask...)
		}
		m.masked = true
		at = min(s.to, end)
		if s.to > end {
			break
		}
		kept++
	}
	if at < end {
		to = append(to, m.buf[at-m.base:end-m.base]...)
		m.masked = false
	}
	if kept < len(m.masks) {
		m.masks[kept].from = max(m.masks[kept].from, end)
	}
	m.masks = slices.Delete(m.masks, 0, kept)
	if end > m.base {
		m.last = m.buf[end-1-m.base]
	}
	m.buf = append(m.buf[:0], m.buf[end-m.base:]...)
	m.base = end
	return to
}
