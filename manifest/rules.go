package manifest

// The functions here make the rules between several keys of a section that JSON Schema can express. errorMessage is what
// editors show instead of their own "matches a schema that is not allowed"; validators take no notice of it.

// exclusive: not both.
func exclusive(one, other string) object {
	return object{
		"not":          object{"required": []string{one, other}},
		"errorMessage": "`" + one + "` and `" + other + "` exclude each other: keep one.",
	}
}

// dependent: the key may only be there with the other.
func dependent(key, other string) object {
	return object{"dependentRequired": object{key: []string{other}}}
}

// required: the key must be there.
func required(key string) object { return object{"required": []string{key}} }

// anyOf: at least one of the keys.
func anyOf(keys ...string) object {
	var ways []object
	for _, key := range keys {
		ways = append(ways, required(key))
	}
	return object{"anyOf": ways}
}

// isTrue: the key is there and says `true`.
func isTrue(key string) object {
	return object{"properties": object{key: object{"const": true}}, "required": []string{key}}
}

// without: where the condition holds, none of the keys may be there.
func without(condition object, keys ...string) object {
	properties := object{}
	for _, key := range keys {
		properties[key] = false
	}
	return object{"if": condition, "then": object{"properties": properties}}
}
