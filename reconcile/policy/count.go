package policy

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/toolforge/toolforged/manifest"
)

// counted are objects of one kind that a manifest comes to.
type counted struct {
	// names are those by which a ResourceQuota bounds them.
	names []corev1.ResourceName
	// what names them in a problem, after their number.
	what string
	// paths lead to what each stands for in the file.
	paths []string
	// more is how many there are beside those.
	more int
}

// counts are the objects that a manifest comes to, as they are rendered.
func (c *checker) counts(all []process) []counted {
	deployments := counted{names: []corev1.ResourceName{"count/deployments.apps"},
		what: "Deployments, one for the webservice and for each continuous job"}
	services := counted{names: []corev1.ResourceName{corev1.ResourceServices, "count/services"},
		what: "Services, one for the webservice and for each job with a port"}
	ingresses := counted{names: []corev1.ResourceName{"count/ingresses.networking.k8s.io", "count/ingresses.extensions"},
		what: "Ingress, for the webservice"}
	cronJobs := counted{names: []corev1.ResourceName{"count/cronjobs.batch"}, what: "CronJobs, one for each scheduled job"}
	jobs := counted{names: []corev1.ResourceName{"count/jobs.batch"},
		what: "Jobs at a time: of each scheduled job the last that succeeded and the last that failed, and one that runs"}
	for _, p := range all {
		if p.endless() {
			deployments.paths = append(deployments.paths, p.Path)
		}
		if p.Job == nil {
			ingresses.paths = append(ingresses.paths, p.Path)
		}
		if p.Job == nil || p.Job.Continuous && p.Job.Port != 0 {
			services.paths = append(services.paths, p.Path)
		}
		if p.scheduled() {
			cronJobs.paths = append(cronJobs.paths, p.Path)
			for range keptJobs {
				jobs.paths = append(jobs.paths, p.Path)
			}
		}
		if !p.endless() {
			jobs.more = 1
		}
	}
	return []counted{deployments, services, ingresses, cronJobs, jobs, c.secrets(all)}
}

// secrets counts those that the platform must keep for the tool.
func (c *checker) secrets(all []process) counted {
	secrets := counted{names: []corev1.ResourceName{corev1.ResourceSecrets, "count/secrets"}, what: "Secrets, one for each name under `from`"}
	known := make(map[string]bool)
	find := func(path string, in map[string]manifest.Secret) {
		for _, name := range slices.Sorted(maps.Keys(in)) {
			if from := in[name].From; from != "" && !known[from] {
				known[from] = true
				secrets.paths = append(secrets.paths, path+"secrets."+name)
			}
		}
	}
	find("", c.m.Secrets)
	for _, p := range all {
		find(p.Path+".", p.Run.Secrets)
	}
	return secrets
}

// count compares how many objects there are of one kind. The problem is at the first that is too many.
func (c *checker) count(name corev1.ResourceName, all []process) {
	hard := c.what.Class.Quota[name]
	for _, objects := range c.counts(all) {
		n := len(objects.paths) + objects.more
		if !slices.Contains(objects.names, name) || resource.NewQuantity(int64(n), resource.DecimalSI).Cmp(hard) <= 0 {
			continue
		}
		path := ""
		if len(objects.paths) > 0 {
			path = objects.paths[min(int(hard.Value()), len(objects.paths)-1)]
		}
		c.add(path, fmt.Sprintf("the file comes to %d %s; the tool may have %s: declare fewer, or ask the administrators for a larger "+
			"quota class", n, objects.what, &hard))
	}
}
