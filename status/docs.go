package status

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
)

// docPage is one page of the documentation.
type docPage struct {
	frame
	Name string
	Body template.HTML
}

// docOrder is how the pages are listed: those for maintainers first.
var docOrder = []string{"start", "toolforge-yaml", "coming-from", "private-repositories", "signing", "older-formats", "errors", "reasons", "status-endpoint", "administrators"}

// addDocs serves the documentation's pages under /docs/, with and without .md: they link to each other by their file names.
func (p pages) addDocs(mux *http.ServeMux, docs fs.FS) {
	all := readDocs(docs)
	mux.HandleFunc("/docs/{$}", func(w http.ResponseWriter, _ *http.Request) {
		var list []docPage
		for _, name := range docOrder {
			if page, ok := all[name]; ok {
				list = append(list, page)
			}
		}
		p.render(w, http.StatusOK, "docs.html", struct {
			frame
			Pages []docPage
		}{p.frame("Documentation"), list})
	})
	mux.HandleFunc("/docs/{page}", func(w http.ResponseWriter, r *http.Request) {
		page, ok := all[strings.TrimSuffix(r.PathValue("page"), ".md")]
		if !ok {
			p.serveNothing(w, r)
			return
		}
		page.frame = p.frame(page.Title)
		p.render(w, http.StatusOK, "doc.html", page)
	})
}

// readDocs renders every page once. They are part of the program: one that cannot be rendered is its mistake, and a test's
// to find.
func readDocs(docs fs.FS) map[string]docPage {
	all := map[string]docPage{}
	names, err := fs.Glob(docs, "*.md")
	for _, name := range names {
		var text []byte
		if text, err = fs.ReadFile(docs, name); err != nil {
			break
		}
		var page docPage
		if page, err = renderDoc(strings.TrimSuffix(name, ".md"), text); err != nil {
			break
		}
		all[page.Name] = page
	}
	if err != nil {
		panic(fmt.Sprintf("status: rendering the documentation: %v", err))
	}
	return all
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.NewTable(
	// The content security policy allows no style attributes.
	extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()))

// renderDoc makes a page of a text in Markdown. HTML in it is left out.
func renderDoc(name string, text []byte) (docPage, error) {
	var body bytes.Buffer
	context := parser.NewContext(parser.WithIDs(&anchors{taken: map[string]bool{}}))
	if err := markdown.Convert(text, &body, parser.WithContext(context)); err != nil {
		return docPage{}, fmt.Errorf("%s: %w", name, err)
	}
	title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
	return docPage{frame: frame{Title: title}, Name: name, Body: template.HTML(body.String())}, nil
}

// anchors names headings as the forges do, so that a link works here and there: in lower case, spaces as hyphens, and only
// letters, digits, `_` and `-`.
type anchors struct{ taken map[string]bool }

var _ parser.IDs = (*anchors)(nil)

var notInAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)

// Generate returns the anchor of a heading.
func (a *anchors) Generate(heading []byte, _ ast.NodeKind) []byte {
	base := strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(string(heading)), ""), " ", "-")
	anchor := base
	for i := 1; a.taken[anchor]; i++ {
		anchor = fmt.Sprintf("%s-%d", base, i)
	}
	a.taken[anchor] = true
	return []byte(anchor)
}

// Put takes an anchor that a page sets itself.
func (a *anchors) Put(anchor []byte) { a.taken[string(anchor)] = true }
