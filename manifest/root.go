package manifest

const example = "the smallest useful file is the two lines `stack: python` and `webservice: {}`"

// file is a Manifest as it is written: the images of this repository and of others are under different keys.
type file struct {
	Manifest
	stack []string
	main  Build
}

// version is kept nowhere: there is only one.
var root = section[file]{
	place: "the top level",
	such:  "{stack: python, webservice: {}}",
	fields: []field[file]{
		in("version", oneOf[string]{"v1"}, func(*file) *string { return new(string) },
			"The version of this format; left out, it is `v1`.").or("v1").at("top-level"),
		in("stack", stack, func(f *file) *[]string { return &f.stack },
			"The languages the source is written in, in order; left out, they are detected.").eg([]string{"nodejs", "python"}).at("stack"),
		in("build", buildSection, func(f *file) *Build { return &f.main },
			"How the image is built from the repository.").eg(object{"path": "app"}).at("build"),
		in("builds", otherBuilds, func(f *file) *map[string]Build { return &f.Builds },
			"More images, by name, for tools made of several repositories.").
			eg(object{"redis": object{"repository": "https://gitlab.example/redis.git", "ref": "refs/tags/v1.2.0"}}).at("builds"),
		in("env", variables{portIsSet: true}, func(f *file) *map[string]string { return &f.Env },
			"Environment variables for every process.").eg(object{"LOG_LEVEL": "info"}).at("env"),
		in("secrets", secrets, func(f *file) *map[string]Secret { return &f.Secrets },
			"Environment variables for every process whose values are not to be read in the repository.").
			eg(object{"DB_PASSWORD": object{"from": "toolsdb"}}).at("secrets"),
		in("webservice", optional[Webservice]{webserviceSection}, func(f *file) **Webservice { return &f.Webservice },
			"The process that answers web requests.").eg(object{}).at("webservice"),
		in("jobs", list[Job]{jobSection, maxJobs}, func(f *file) *[]Job { return &f.Jobs },
			"Processes beside the webservice, each scheduled, continuous or run before each deployment.").
			eg([]object{{"name": "update-stats", "schedule": "@daily", "command": "python update.py"}}).at("jobs"),
		in("network", networkSection, func(f *file) *Network { return &f.Network },
			"Who beside the tool itself may reach its ports.").eg(object{"allow_from": []string{"other-tool"}}).at("network"),
		in("kubernetes", optional[Kubernetes]{kubernetesSection}, func(f *file) **Kubernetes { return &f.Kubernetes },
			"Kubernetes objects of the repository, applied with the tool's own rights.").eg(object{"path": "k8s"}).at("kubernetes"),
	},
	rules:  []object{anyOf("webservice", "jobs", "kubernetes")},
	finish: finishFile,
}

func finishFile(r *reader, m *mapping, f *file) {
	if !m.has("webservice") && !m.has("jobs") && !m.has("kubernetes") && len(r.problems) == 0 {
		nothing := problem(m.at, "there is nothing to run: add `webservice: {}` or `jobs`; to run nothing on purpose, write `jobs: []`")
		nothing.Section = rootSection // not that of the first key, which is at the same place
		r.problems = append(r.problems, *nothing)
	}
	buildsUnread := f.Builds == nil && m.has("builds")
	if f.Builds == nil {
		f.Builds = map[string]Build{}
	}
	f.main.Stack = f.stack
	f.Builds[MainBuild] = f.main
	if !buildsUnread {
		checkBuildNames(r, f)
	}
	clash(r, m, f.Env, f.Secrets)
}
