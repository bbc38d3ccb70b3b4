package status_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/toolforge/toolforged/status"
)

func TestPagesKeepHostileTextAsText(t *testing.T) {
	h := sampleHandler(t)
	for _, target := range []string{"/", "/tools/zeta", "/builders", "/polling", `/?q=%22%3E%3Cscript%3E&page=%3Cb%3E`} {
		document := parse(t, get(h, target).Body.String())
		for node := range document.Descendants() {
			if node.Type != html.ElementNode {
				continue
			}
			if slices.Contains([]string{"script", "img", "iframe", "object", "link"}, node.Data) {
				t.Errorf("%s: a %s element", target, node.Data)
			}
			for _, a := range node.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(a.Val, "javascript:") {
					t.Errorf("%s: %s has %s=%q", target, node.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func TestPagesHaveNoControls(t *testing.T) {
	h := sampleHandler(t)
	for _, target := range []string{"/", "/tools/zeta", "/builders", "/api/v1/builders", "/api/v1/tools/zeta", "/polling", "/api/v1/polling", "/api/v1/tools/zeta/polling"} {
		if body := get(h, target).Body.String(); strings.ContainsAny(body, "\x1b\x00\r\u202e") {
			t.Errorf("%s has a control character", target)
		}
	}
}

func TestToolPageSaysHowToEncrypt(t *testing.T) {
	h := sampleHandler(t)
	const command = "age -a -r "
	if page := text(parse(t, get(h, "/tools/alpha").Body.String())); !strings.Contains(page, command+publicKey) {
		t.Errorf("no command: %s", page)
	}
	if page := text(parse(t, get(h, "/tools/zeta").Body.String())); strings.Contains(page, command) {
		t.Errorf("a command without a key: %s", page)
	}
}

func TestToolPageSaysEverything(t *testing.T) {
	page := text(parse(t, get(sampleHandler(t), "/tools/zeta").Body.String()))
	for _, want := range []string{
		"zeta failing", "BuildFailed 3 minutes ago",
		"What to do: Read the end of the build’s log below, correct what it complains of, and push. What was serving before goes on.",
		goodCommit + " 2 days ago 2026-11-21 11:00:00 UTC",
		badCommit + " seen 6 minutes ago 2026-11-23 11:54:00 UTC ; not serving",
		"registry.example/zeta/main@" + digest,
		"3 5 unknown key `shedule`: did you mean `schedule`?",
		"Ready False", "Reconciling True",
		"Phase build", "took 2m0s", "Attempts 2", "npm ERR! missing script " + hostile + " last \ufffdline\ufffd",
		"Deployment apps/v1 webservice tool-zeta", "toolforged v1.2.3",
		"Being deployed " + badCommit,
		"1a2b3c4 Failed commit 1a2b3c4, was 9f8e7d6 " + hostile + " the process ended with exit code 3 " + hostile +
			" pre-deploy job migrate: Failed after 2m0s pre-deploy job seed: Waiting",
		"9f8e7d6 Progressing first deployment",
		"Deployment webservice changed: .spec.replicas by " + hostile + " 2 1 minute ago",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

func TestFailingToolsComeFirst(t *testing.T) {
	document := parse(t, get(sampleHandler(t), "/").Body.String())
	if got, want := strings.Join(rows(document), " "), "zeta gamma new beta alpha"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if page := text(document); !strings.Contains(page, "failing 1 working 2 suspended 1 ready 1") {
		t.Errorf("no counts in\n%s", page)
	}
}

func TestListPagesHoldEveryToolOnce(t *testing.T) {
	failing := tool("zz-failing", condition("Ready", "False", "BuildFailed", "failed"))
	h := status.New(options(t, reader(t, append(many(3500), failing)...)))
	var names []string
	for target, pages := "/?q=-", 0; target != ""; pages++ {
		if pages > 8 {
			t.Fatalf("more pages than tools need: %s", target)
		}
		document := parse(t, get(h, target).Body.String())
		names = append(names, rows(document)...)
		target = next(document)
	}
	if len(names) != 3501 || names[0] != "zz-failing" || names[1] != "tool-0000" || names[3500] != "tool-3499" {
		t.Errorf("%d tools, from %v", len(names), names[:2])
	}
	if last := rows(parse(t, get(h, "/?page=99999999").Body.String())); last[0] != "tool-3499" {
		t.Errorf("past the end: %v", last)
	}
}

func TestNothingToList(t *testing.T) {
	h := status.New(options(t, reader(t)))
	if page := text(parse(t, get(h, "/").Body.String())); !strings.Contains(page, "There are no tools yet.") {
		t.Error(page)
	}
	if page := text(parse(t, get(h, "/?q=x").Body.String())); !strings.Contains(page, "No tool with “x”.") {
		t.Error(page)
	}
}

func TestPolicyAllowsTheStyle(t *testing.T) {
	w := get(sampleHandler(t), "/")
	for node := range parse(t, w.Body.String()).Descendants() {
		if node.Type == html.ElementNode && node.Data == "style" {
			sum := sha256.Sum256([]byte(node.FirstChild.Data))
			hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
			if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, hash) {
				t.Errorf("%s is not in %s", hash, policy)
			}
			return
		}
	}
	t.Error("no style element")
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	document, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// text is what a reader sees, with single spaces.
func text(document *html.Node) string {
	var all []string
	for node := range document.Descendants() {
		if node.Type == html.TextNode && node.Parent.Data != "style" {
			all = append(all, node.Data)
		}
	}
	return strings.Join(strings.Fields(strings.Join(all, " ")), " ")
}

// rows are the names of the tools that a page lists.
func rows(document *html.Node) []string {
	var names []string
	for _, link := range links(document) {
		if name, ok := strings.CutPrefix(attribute(link, "href"), "/tools/"); ok {
			names = append(names, name)
		}
	}
	return names
}

func next(document *html.Node) string {
	for _, link := range links(document) {
		if attribute(link, "rel") == "next" {
			return attribute(link, "href")
		}
	}
	return ""
}

func links(document *html.Node) []*html.Node {
	var all []*html.Node
	for node := range document.Descendants() {
		if node.Type == html.ElementNode && node.Data == "a" {
			all = append(all, node)
		}
	}
	return all
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
