package status

import "regexp"

// ownReference is the page about toolforge.yaml that this endpoint serves itself.
const ownReference = "/docs/toolforge-yaml"

// references is the address of the page about toolforge.yaml.
type references string

// section is what a heading's anchor consists of. Whatever else a status holds is not linked to.
var section = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// link fills in where the documentation says more about each problem.
func (r references) link(problems []Problem) {
	for i := range problems {
		p := &problems[i]
		if !section.MatchString(p.Section) {
			p.Section = ""
			continue
		}
		p.Link = string(r) + "#" + p.Section
	}
}
