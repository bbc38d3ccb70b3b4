package manifest

import "fmt"

// Process is the webservice or a job.
type Process struct {
	// Name is the job's name, or WebserviceName.
	Name string
	// Path leads to it in the file, for Problem.
	Path string
	Run  *Run
	// Replicas is how many copies run at once; 1 for what is not continuous.
	Replicas int
	// Job is nil for the webservice.
	Job *Job
}

// WebserviceName is what the other processes of the tool call its webservice; no job has that name.
const WebserviceName = "webservice"

// Processes are the webservice, if there is one, and the jobs in the order written.
func (m *Manifest) Processes() []Process {
	var all []Process
	if w := m.Webservice; w != nil {
		all = append(all, Process{Name: WebserviceName, Path: WebserviceName, Run: &w.Run, Replicas: w.Replicas})
	}
	for i := range m.Jobs {
		job := &m.Jobs[i]
		p := Process{Name: job.Name, Path: fmt.Sprintf("jobs[%d]", i), Run: &job.Run, Replicas: 1, Job: job}
		if job.Continuous {
			p.Replicas = job.Replicas
		}
		all = append(all, p)
	}
	return all
}
