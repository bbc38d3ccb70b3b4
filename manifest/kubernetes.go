package manifest

import "strings"

var kubernetesSection = section[Kubernetes]{
	place: "`kubernetes`", filled: true,
	such: "{path: k8s}",
	fields: []field[Kubernetes]{
		in("path", sourcePath, func(k *Kubernetes) *string { return &k.Path },
			"The directory of the repository whose `.yaml` files hold the objects.").eg("k8s"),
	},
	rules: []object{required("path")},
	finish: func(r *reader, m *mapping, k *Kubernetes) {
		if !m.has("path") {
			r.problems.add(m.at, "`kubernetes` needs `path`: the directory that holds the objects")
		}
		k.Path = strings.TrimSuffix(k.Path, "/")
	},
}
