package manifest

var toolName = text{
	what: "the name of another tool", max: 52,
	pattern: jobNamePattern, form: "the name of a tool: lower-case letters, digits and `-`",
}

var networkSection = section[Network]{
	place: "`network`",
	such:  "{allow_from: [other-tool]}",
	fields: []field[Network]{
		in("allow_from", list[string]{toolName, maxAllowFrom}, func(n *Network) *[]string { return &n.AllowFrom },
			"The other tools whose processes may reach this tool's ports; left out, none may.").eg([]string{"other-tool"}),
	},
}
