package main

import (
	"maps"
	"net/http"
	"testing"
)

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		method, url, contentType string
		want                     Call
	}{
		{"GET", "/api", "", Call{"get", "discovery"}},
		{"GET", "/apis/apps/v1", "", Call{"get", "discovery"}},
		{"GET", "/api/v1/namespaces/tool-a", "", Call{"get", "namespaces"}},
		{"PATCH", "/api/v1/namespaces/tool-a?force=true", "application/apply-patch+yaml", Call{"apply", "namespaces"}},
		{"GET", "/api/v1/namespaces/tool-a/pods?limit=50", "", Call{"list", "pods"}},
		{"GET", "/apis/apps/v1/deployments?watch=true", "", Call{"watch", "deployments"}},
		{"GET", "/apis/apps/v1/namespaces/tool-a/deployments/webservice", "", Call{"get", "deployments"}},
		{"PATCH", "/apis/toolforge.org/v1alpha1/tools/a/status", "application/merge-patch+json", Call{"patch", "tools/status"}},
		{"POST", "/apis/events.k8s.io/v1/namespaces/default/events", "", Call{"create", "events"}},
		{"PUT", "/apis/apps/v1/namespaces/tool-a/deployments/webservice/status", "", Call{"update", "deployments/status"}},
		{"DELETE", "/api/v1/namespaces/tool-a/services/webservice", "", Call{"delete", "services"}},
	} {
		request, err := http.NewRequest(test.method, "https://127.0.0.1"+test.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", test.contentType)
		if got := classify(request); got != test.want {
			t.Errorf("%s %s is %v, want %v", test.method, test.url, got, test.want)
		}
	}
}

func TestCalls(t *testing.T) {
	apply, get, watch := Call{"apply", "services"}, Call{"get", "pods"}, Call{"watch", "pods"}
	since := Calls{apply: 5, get: 2, watch: 1}.since(Calls{apply: 3, get: 2})
	if want := (Calls{apply: 2, watch: 1}); !maps.Equal(since, want) {
		t.Errorf("since is %v, want %v", since, want)
	}
	if got := since.count(Call.writes); got != 2 {
		t.Errorf("%d writes, want 2", got)
	}
}
