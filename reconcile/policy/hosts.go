package policy

import (
	"fmt"
	"strings"
)

// hosts finds hosts that the tool does not have.
func (c *checker) hosts() {
	if c.m.Webservice == nil {
		return
	}
	for i, host := range c.m.Webservice.Hosts {
		if problem := c.host(host); problem != "" {
			c.add(fmt.Sprintf("webservice.hosts[%d]", i), problem)
		}
	}
}

func (c *checker) host(host string) string {
	if host == c.what.Domain {
		return fmt.Sprintf("`%s` is the platform's own: leave it out", host)
	}
	if below, inside := strings.CutSuffix(host, "."+c.what.Domain); inside {
		switch tool := below[strings.LastIndex(below, ".")+1:]; {
		case host == c.what.Tool+"."+c.what.Domain:
			return fmt.Sprintf("`%s` is the tool's own name: it has it without being told, leave it out", host)
		case tool == c.what.Tool:
			return fmt.Sprintf("`%s` is below the tool's own name, where there are no others: leave it out", host)
		default:
			return fmt.Sprintf("`%s` belongs to tool %s, as every name below `%s` does to the tool of that name: leave it out", host, tool, c.what.Domain)
		}
	}
	switch owner := c.what.Hosts[host]; owner {
	case c.what.Tool:
		return ""
	case "":
		return fmt.Sprintf("`%s` is not this tool's: ask the administrators to add it to `spec.hosts` of Tool %s", host, c.what.Tool)
	default:
		return fmt.Sprintf("`%s` belongs to tool %s: leave it out, or ask the administrators to move it", host, owner)
	}
}

// Served are those of a webservice's hosts that its tool has; hosts as in Allowed. An older manifest may name a host that the
// tool has no more.
func Served(m []string, tool, domain string, hosts map[string]string) []string {
	var served []string
	c := &checker{what: Allowed{Tool: tool, Domain: domain, Hosts: hosts}}
	for _, host := range m {
		if c.host(host) == "" {
			served = append(served, host)
		}
	}
	return served
}
