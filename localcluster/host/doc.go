// Package host knows what a local cluster leaves on the machine it runs on
// (processes, mounts, network devices, firewall rules, control groups, kernel
// settings) and how each is found again and removed without touching
// anybody else's. It does not know what a cluster consists of.
// The entry point is [Clear].
package host

// Marker is the variable in the environment of every process of a cluster. Its
// value is the cluster's root directory.
const Marker = "TOOLFORGED_LOCALCLUSTER"

// The names by which what belongs to a cluster is known.
const (
	// RunDir holds sockets, whose paths may not be long, and whatever must not
	// outlive the machine's next start.
	RunDir = "/run/toolforged-local"
	// Bridge is the network device of the pods.
	Bridge = "toolforged0"
	// CNINetwork is the name of the pods' network, which the CNI plugins write
	// into the comment of every rule they make.
	CNINetwork = "toolforged"
	// CgroupRoot is the name of the control group all pods are in.
	CgroupRoot = "toolforged-local"
	// CNIResults is where CNI's library keeps what the plugins answered: the
	// addresses of each pod, and the path of its network namespace.
	CNIResults = "/var/lib/cni/results"
	// PolicyTable is the firewall's table with the network policies, of nftables'
	// family inet.
	PolicyTable = "toolforge_networkpolicy"
	// RuleComment is in every firewall rule made by this package.
	RuleComment = "toolforged-local"
)
