package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
)

// quotaPods counts pods whatever became of them, also those of Jobs that have ended.
const quotaPods corev1.ResourceName = "count/pods"

// keptJobs is how many Jobs of a scheduled job stay when none runs: the last that succeeded and the last that failed.
const keptJobs = 2

// amounts are the resources of a ResourceQuota that each pod uses, and how a problem speaks of them.
var amounts = map[corev1.ResourceName]struct {
	// "asks for 9Gi of memory over its processes, the tool may use 8Gi"
	of, may string
	// key is the key of the file that says how much.
	key string
}{
	corev1.ResourceLimitsMemory:   {" of memory", "may use", "memory"},
	corev1.ResourceRequestsMemory: {" of memory to be set aside", "may have", "memory"},
	corev1.ResourceMemory:         {" of memory to be set aside", "may have", "memory"},
	corev1.ResourceLimitsCPU:      {" cpu", "may use", "cpu"},
	corev1.ResourceRequestsCPU:    {" cpu to be set aside", "may have", "cpu"},
	corev1.ResourceCPU:            {" cpu to be set aside", "may have", "cpu"},
	corev1.ResourcePods:           {" pods", "may have", "replicas"},
	quotaPods:                     {" pods", "may have", "replicas"},
}

// usage is what one pod of a process uses, by the names of a ResourceQuota.
func usage(run manifest.Run) corev1.ResourceList {
	asked, one := render.Resources(run), *resource.NewQuantity(1, resource.DecimalSI)
	return corev1.ResourceList{
		corev1.ResourceLimitsMemory:   asked.Limits[corev1.ResourceMemory],
		corev1.ResourceRequestsMemory: asked.Requests[corev1.ResourceMemory],
		corev1.ResourceMemory:         asked.Requests[corev1.ResourceMemory],
		corev1.ResourceLimitsCPU:      asked.Limits[corev1.ResourceCPU],
		corev1.ResourceRequestsCPU:    asked.Requests[corev1.ResourceCPU],
		corev1.ResourceCPU:            asked.Requests[corev1.ResourceCPU],
		corev1.ResourcePods:           one,
		quotaPods:                     one,
	}
}

// process is one of the manifest's and what its pods use.
type process struct {
	manifest.Process
	usage corev1.ResourceList
}

// endless tells that it runs all the time: the webservice or a continuous job.
func (p process) endless() bool { return p.Job == nil || p.Job.Continuous }

func (p process) scheduled() bool { return p.Job != nil && !p.Job.Continuous && !p.Job.PreDeploy }

// lasting is how many of its pods are there all the time.
func (p process) lasting(of corev1.ResourceName) int {
	switch {
	case p.endless():
		return p.Replicas
	case p.scheduled() && of == quotaPods:
		return keptJobs
	default:
		return 0
	}
}

// lasts is how much of a resource its lasting pods use together.
func (p process) lasts(of corev1.ResourceName) resource.Quantity {
	amount := p.usage[of].DeepCopy()
	amount.Mul(int64(p.lasting(of)))
	return amount
}

func (c *checker) processes() []process {
	var all []process
	for _, p := range c.m.Processes() {
		all = append(all, process{p, usage(*p.Run)})
	}
	return all
}

// quota compares the whole with the hard limits of the tool's namespace.
func (c *checker) quota() {
	all := c.processes()
	if len(all) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.what.Class.Quota)) {
		if _, amount := amounts[name]; amount {
			c.amount(name, all)
			continue
		}
		c.count(name, all)
	}
}

// amount compares what pods use together. There must be room for all that runs without end, and for one pod more, whichever
// is largest: the new one of a rollout, which starts before the old one ends; the run of a scheduled job; that of a pre-deploy
// job, beside the version before. With room for one, they find it one after the other; with less, that one never starts.
func (c *checker) amount(name corev1.ResourceName, all []process) {
	hard, words := c.what.Class.Quota[name], amounts[name]
	var lasting resource.Quantity
	for _, p := range all {
		lasting.Add(p.lasts(name))
	}
	if lasting.Cmp(hard) > 0 {
		largest := largest(all, name)
		c.add(largest[0].Path+"."+words.key, fmt.Sprintf("the file asks for %s%s over its processes, the tool %s %s%s: %s",
			&lasting, words.of, words.may, &hard, listed(largest, name), askForLess))
		return
	}
	most := slices.MaxFunc(all, func(a, b process) int { return a.more(name).Cmp(*b.more(name)) })
	total := lasting.DeepCopy()
	total.Add(*most.more(name))
	switch {
	case total.Cmp(hard) <= 0:
	case lasting.IsZero():
		c.add(most.Path+"."+words.key, fmt.Sprintf("the file asks for %s%s while %s, the tool %s %s: %s",
			&total, words.of, most.meanwhile(), words.may, &hard, askForLess))
	default:
		c.add(most.Path+"."+words.key, fmt.Sprintf("the file asks for %s%s over its processes, and for %s more while %s; the tool %s %s: %s",
			&lasting, words.of, most.more(name), most.meanwhile(), words.may, &hard, askForLess))
	}
}

const askForLess = "ask for less, or the administrators for a larger quota class"

// more is how much it uses at times beside its lasting pods.
func (p process) more(of corev1.ResourceName) *resource.Quantity {
	if p.endless() && p.Replicas == 0 {
		return &resource.Quantity{}
	}
	amount := p.usage[of].DeepCopy()
	return &amount
}

func (p process) meanwhile() string {
	if p.endless() {
		return "a new `" + p.Name + "` starts beside the old one"
	}
	return "`" + p.Name + "` runs"
}

// largest are the processes that use any of a resource all the time, the largest first.
func largest(all []process, of corev1.ResourceName) []process {
	found := slices.DeleteFunc(slices.Clone(all), func(p process) bool { return p.lasting(of) == 0 })
	slices.SortStableFunc(found, func(a, b process) int {
		left, right := a.lasts(of), b.lasts(of)
		return right.Cmp(left)
	})
	return found
}

// maxListed is how many processes a problem lists.
const maxListed = 3

// listed names the largest processes and what they use.
func listed(processes []process, of corev1.ResourceName) string {
	if len(processes) < 2 && processes[0].lasting(of) < 2 {
		return ""
	}
	var parts []string
	for _, p := range processes[:min(len(processes), maxListed)] {
		each := p.usage[of]
		text := each.String()
		if n := p.lasting(of); of == corev1.ResourcePods || of == quotaPods {
			text = fmt.Sprint(n)
		} else if n > 1 {
			text = fmt.Sprintf("%d × %s", n, &each)
		}
		parts = append(parts, "`"+p.Name+"` "+text)
	}
	if more := len(processes) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d smaller", more))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// containers compares each process with the most that one may use.
func (c *checker) containers() {
	for _, p := range c.m.Processes() {
		limits := render.Resources(*p.Run).Limits
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			most, bounded := c.what.Class.Limits.Max[name]
			asked := limits[name]
			if !bounded || asked.Cmp(most) <= 0 {
				continue
			}
			of := cmp.Or(map[corev1.ResourceName]string{corev1.ResourceMemory: " of memory"}[name], " cpu")
			c.add(p.Path+"."+string(name), fmt.Sprintf("`%s` asks for %s%s, one process of the tool may use %s: write `%s: %s`, "+
				"or ask the administrators for a larger quota class", p.Name, &asked, of, &most, name, &most))
		}
	}
}
