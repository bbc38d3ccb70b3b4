package redact_test

import "strings"

// sampleLog is what builds print, over and over.
func sampleLog(length int) string {
	const log = `===> build
[Installing Python]
Collecting flask==3.1.0 (from -r requirements.txt (line 1))
  Downloading https://files.pythonhosted.org/packages/af/47/93213ee66ef8fae3b93b3e29206f6b251e65c97bd91d8e1c5596ef15af0a/flask-3.1.0-py3-none-any.whl (102 kB)
Requirement already satisfied: Werkzeug>=3.1 in ./lib/python3.11/site-packages (from flask==3.1.0)
npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory. Do not use it.
npm http fetch GET 200 https://registry.npmjs.org/@babel%2fcore 123ms (cache hit)
{"level":"info","msg":"compiled \"app\" in 3 ms","path":"C:\\src\\app","ts":1732567890.123}
added 213 packages, and audited 214 packages in 4s
` + "\x1b[32m✓\x1b[0m built in 1.52s\n" + `# github.com/example/module/internal/package
go: downloading golang.org/x/sys v0.28.0
sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==
`
	return strings.Repeat(log, length/len(log)+1)[:length]
}
