package schema_test

// unknowable are the broken files which the schema accepts, and why JSON Schema cannot know what is wrong with them.
var unknowable = map[string]string{
	"two-documents":                 documents,
	"second-document-broken":        documents,
	"build-path-out":                grammar,
	"build-path-slash":              grammar,
	"build-path-backslash":          grammar,
	"kubernetes-path-out":           grammar,
	"health-check-host":             grammar,
	"ignore-negated":                grammar,
	"ignore-lines":                  grammar,
	"repository-password":           grammar,
	"secrets-age-cut":               grammar,
	"build-path-nul":                characters,
	"env-nul":                       characters,
	"command-control":               characters,
	"windows-path":                  characters,
	"env-binary":                    tags,
	"tag":                           tags,
	"port-octal":                    tags,
	"job-name-twice":                places,
	"build-not-there":               places,
	"build-of-webservice-not-there": places,
	"secrets-and-env":               places,
	"secrets-and-env-of-job":        places,
	"long-list-of-memory":           "the bounds of an amount that is written as text",
}

const (
	documents  = "a validator sees one document"
	grammar    = "a pattern for it would say less than the message"
	characters = "no pattern for every text is worth its length"
	tags       = "the editor's YAML parser has decided already what the value is"
	places     = "it compares values at two places"
)
