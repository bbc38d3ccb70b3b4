package redact

// pattern is a text to look for: a form of a secret, or what begins a token.
type pattern struct {
	text []byte
	// token is the rule for what follows; nil for a secret.
	token *rule
}

const (
	// denseDepth is up to which depth a node has a row of the table: text that is no secret seldom leads deeper.
	denseDepth = 3
	// attention marks what the inner loop leaves to others: nodes without a row, ends of patterns, and escapes.
	attention = 1 << 31
)

// automaton is that of Aho and Corasick. White space leads from each node to itself.
type automaton struct {
	patterns []pattern
	nodes    []node
	class    [256]uint16
	shift    uint
	// table has a row for each node below dense, with a column for each class.
	table []uint32
	dense uint32
}

// node stands for the beginning of a pattern that is its name. The nodes are in the order of their depth; 0 is the root.
type node struct {
	parent, fail   uint32
	child, sibling uint32 // 0 for none
	// pattern is the number of the pattern that ends here, end the next node by fail where one ends; -1 and 0 for none.
	pattern int32
	end     uint32
	depth   uint16
	by      byte
	// secret tells that a secret begins so, not only a token: it may have white space in it.
	secret bool
}

func compile(patterns []pattern) *automaton {
	a := &automaton{patterns: patterns}
	a.grow()
	a.order()
	a.link()
	a.fill()
	return a
}

// grow makes the tree of the patterns.
func (a *automaton) grow() {
	a.nodes = []node{{pattern: -1}}
	for number, p := range a.patterns {
		at := uint32(0)
		for i := range len(p.text) {
			next := a.childBy(at, p.text[i])
			if next == 0 {
				next = uint32(len(a.nodes))
				a.nodes = append(a.nodes, node{
					parent: at, by: p.text[i], depth: uint16(i + 1), pattern: -1, sibling: a.nodes[at].child,
				})
				a.nodes[at].child = next
			}
			at = next
			a.nodes[at].secret = a.nodes[at].secret || p.token == nil
		}
		if a.nodes[at].pattern < 0 {
			a.nodes[at].pattern = int32(number)
		}
	}
}

func (a *automaton) childBy(at uint32, b byte) uint32 {
	for next := a.nodes[at].child; next != 0; next = a.nodes[next].sibling {
		if a.nodes[next].by == b {
			return next
		}
	}
	return 0
}

// order numbers the nodes by their depth.
func (a *automaton) order() {
	byDepth := []uint32{0}
	for i := 0; i < len(byDepth); i++ {
		for next := a.nodes[byDepth[i]].child; next != 0; next = a.nodes[next].sibling {
			byDepth = append(byDepth, next)
		}
	}
	number := make([]uint32, len(byDepth))
	for i, old := range byDepth {
		number[old] = uint32(i)
	}
	ordered := make([]node, len(byDepth))
	for i, old := range byDepth {
		n := a.nodes[old]
		n.parent, n.child, n.sibling = number[n.parent], number[n.child], number[n.sibling]
		ordered[i] = n
	}
	a.nodes = ordered
}

// link finds for each node the longest other one whose name its own ends with.
func (a *automaton) link() {
	for i := 1; i < len(a.nodes); i++ {
		n := &a.nodes[i]
		if n.depth > 1 {
			n.fail = a.follow(a.nodes[n.parent].fail, n.by)
		}
		n.end = n.fail
		if a.nodes[n.fail].pattern < 0 {
			n.end = a.nodes[n.fail].end
		}
	}
}

func (a *automaton) follow(from uint32, b byte) uint32 {
	for {
		if next := a.childBy(from, b); next != 0 || from == 0 {
			return next
		}
		from = a.nodes[from].fail
	}
}

// fill makes the table.
func (a *automaton) fill() {
	var used [256]bool
	for _, n := range a.nodes[1:] {
		used[n.by] = true
	}
	classes := uint32(1)
	for b := range 256 {
		if used[b] || isEscape(byte(b)) || isSpace(byte(b)) {
			a.class[b] = uint16(classes)
			classes++
		}
	}
	for 1<<a.shift < classes {
		a.shift++
	}
	for a.dense < uint32(len(a.nodes)) && a.nodes[a.dense].depth <= denseDepth {
		a.dense++
	}
	a.table = make([]uint32, a.dense<<a.shift)
	for at := range a.dense {
		for b := range 256 {
			if class := a.class[b]; class != 0 {
				a.table[at<<a.shift|uint32(class)] = a.entry(at, byte(b))
			}
		}
	}
}

func (a *automaton) entry(at uint32, b byte) uint32 {
	if isSpace(b) {
		return at
	}
	next := a.follow(at, b)
	if next >= a.dense || isEscape(b) || a.ends(next) != 0 {
		return next | attention
	}
	return next
}

// step is where a byte leads from a node.
func (a *automaton) step(from uint32, b byte) uint32 {
	if isSpace(b) {
		return from
	}
	for from >= a.dense {
		if next := a.childBy(from, b); next != 0 {
			return next
		}
		from = a.nodes[from].fail
	}
	return a.table[from<<a.shift|uint32(a.class[b])] &^ attention
}

// ends is the node of the longest pattern that a node's name ends with; 0 for none.
func (a *automaton) ends(at uint32) uint32 {
	if a.nodes[at].pattern >= 0 {
		return at
	}
	return a.nodes[at].end
}

// name is the beginning of a pattern that a node stands for.
func (a *automaton) name(at uint32) []byte {
	name := make([]byte, a.nodes[at].depth)
	for ; at != 0; at = a.nodes[at].parent {
		name[a.nodes[at].depth-1] = a.nodes[at].by
	}
	return name
}
