package testscripts

import (
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/testscripts/platform"
)

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"push":            push,
	"tool":            tool,
	"directory":       directory,
	"signers":         signers,
	"await":           await,
	"visit":           visit,
	"visitors":        visitors,
	"follow":          follow,
	"followed":        followed,
	"kubectl":         kubectl,
	"until":           until,
	"gone":            gone,
	"delete":          remove,
	"kill-daemon":     killDaemon,
	"kill-leader":     killLeader,
	"writes":          writes,
	"quiet":           quiet,
	"passed":          passed,
	"git-secret":      gitSecret,
	"ssh-git":         sshGit,
	"registry-faults": registryFaults,
	"registry-copy":   registryCopy,
	"registry-has":    registryHas,
	"registry-remove": registryRemove,
	"image-of":        imageOf,
	"registry-read":   registryRead,
	"builder":         builder,
	"metadata-server": metadataServer,
	"node-disk":       nodeDisk,
	"aims":            aims,
	"age-encrypt":     ageEncrypt,
	"unique":          unique,
	"mailbox":         mailbox,
	"mail":            mail,
	"webhook":         webhook,
	"controllers":     controllers,
	"expand":          expand,
	"take":            take,
}

// waitDeadline bounds a wait that names no time of its own.
const waitDeadline = 8 * time.Minute

// patience is how many times longer than it says a wait may take: scripts name the time of a quiet machine, and four of them
// share two cores with the platform.
const patience = 5

// push [-rewrite] [-branch BRANCH] [-tag TAG] [-sign SIGNER] DIRECTORY NAME [MESSAGE] makes the directory's files the newest commit
// of a branch (main) of the repository NAME, or with -rewrite its only one, signs it with a key that signers has made, and tags it;
// $COMMIT is its id, the same for the same files, history and message.
func push(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "usage: push [-rewrite] [-branch BRANCH] [-tag TAG] [-sign SIGNER] DIRECTORY NAME [MESSAGE]"
	var change platform.Change
	flags := flag.NewFlagSet("push", flag.ContinueOnError)
	flags.BoolVar(&change.Rewrite, "rewrite", false, "")
	flags.StringVar(&change.Branch, "branch", "", "")
	flags.StringVar(&change.Tag, "tag", "", "")
	signer := flags.String("sign", "", "")
	ts.Check(flags.Parse(args))
	if neg || flags.NArg() < 2 || flags.NArg() > 3 {
		ts.Fatalf(usage)
	}
	if *signer != "" {
		change.SigningKey = ts.MkAbs(*signer)
	}
	change.Directory, change.Repository, change.Message = ts.MkAbs(flags.Arg(0)), flags.Arg(1), flags.Arg(2)
	commit, err := of(ts).platform.Push(of(ts).ctx, change)
	ts.Check(err)
	ts.Setenv("COMMIT", commit)
	ts.Logf("%s is at %s", change.Repository, commit)
}

// tool [-repository NAME] [-url URL] [-secret NAME] [-ref REF] [-class CLASS] [-interval DURATION] NAME makes a tool that follows a
// repository, that of its name unless another is said, asked every second unless another interval is said. The secret is that
// of the repository's credentials, CLASS is its quota class.
func tool(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "usage: tool [-repository NAME] [-url URL] [-secret NAME] [-ref REF] [-class CLASS] [-interval DURATION] NAME"
	var spec api.ToolSpec
	flags := flag.NewFlagSet("tool", flag.ContinueOnError)
	repository := flags.String("repository", "", "")
	flags.StringVar(&spec.Repository, "url", "", "")
	secret := flags.String("secret", "", "")
	flags.StringVar(&spec.Ref, "ref", "", "")
	flags.StringVar(&spec.QuotaClass, "class", "", "")
	flags.DurationVar(&spec.Interval.Duration, "interval", time.Second, "")
	ts.Check(flags.Parse(args))
	if neg || flags.NArg() != 1 {
		ts.Fatalf(usage)
	}
	s := of(ts)
	if *repository != "" {
		spec.Repository = s.platform.Git + "/" + *repository + ".git"
	}
	if *secret != "" {
		spec.SecretRef = &api.SecretReference{Name: *secret}
	}
	s.tools = append(s.tools, flags.Arg(0))
	ts.Check(s.platform.Declare(s.ctx, flags.Arg(0), spec))
}

// await NAME WANTED... watches a tool until everything wanted is so: seen=COMMIT, serving=COMMIT, CONDITION=STATUS,
// CONDITION=STATUS/REASON, build=STATE, build=STATE/PHASE. It prints Ready's message to standard output.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await NAME WANTED...")
	}
	ctx, cancel := context.WithTimeout(of(ts).ctx, waitDeadline)
	defer cancel()
	found, err := of(ts).platform.Wait(ctx, args[0], func(tool *api.Tool) bool {
		for _, wanted := range args[1:] {
			if tool == nil || !is(tool, wanted) {
				return false
			}
		}
		return true
	})
	if err != nil && found != nil {
		ts.Fatalf("await %s of tool %s: %v; it is:\n%s", strings.Join(args[1:], " "), args[0], err, describe(found))
	}
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), conditions.GetMessage(found, "Ready"))
}

func is(tool *api.Tool, wanted string) bool {
	what, value, _ := strings.Cut(wanted, "=")
	status, reason, _ := strings.Cut(value, "/")
	switch what {
	case "seen":
		return tool.Status.Seen != nil && tool.Status.Seen.Commit == value
	case "serving":
		return tool.Status.Serving != nil && tool.Status.Serving.Commit == value
	case "build":
		return len(tool.Status.Builds) > 0 && string(tool.Status.Builds[0].State) == status &&
			(reason == "" || tool.Status.Builds[0].Phase == reason)
	}
	condition := conditions.Get(tool, what)
	return condition != nil && string(condition.Status) == status && (reason == "" || condition.Reason == reason)
}

func describe(tool *api.Tool) string {
	var text strings.Builder
	for _, condition := range tool.Status.Conditions {
		fmt.Fprintf(&text, "%s=%s/%s %s\n", condition.Type, condition.Status, condition.Reason, condition.Message)
	}
	fmt.Fprintf(&text, "seen %+v serving %+v\n", tool.Status.Seen, tool.Status.Serving)
	for _, build := range tool.Status.Builds {
		fmt.Fprintf(&text, "build %s %s %s %s\n%s", build.Name, build.State, build.Phase, build.Message, build.Log)
	}
	return text.String()
}

// visit [-within DURATION] [-for REGEXP] ADDRESS [STATUS] asks for an address: a tool's name, which a path may follow, or a URL. The answer's body
// goes to standard output. It fails if the status is another than STATUS (200) or the body does not match REGEXP, after it
// asked again for as long as -within says, times patience: what is served follows what a watch has shown by some milliseconds.
func visit(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "usage: visit [-within DURATION] [-for REGEXP] ADDRESS [STATUS]"
	flags := flag.NewFlagSet("visit", flag.ContinueOnError)
	within := flags.Duration("within", 0, "")
	pattern := flags.String("for", "", "")
	ts.Check(flags.Parse(args))
	args = flags.Args()
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf(usage)
	}
	wanted := 200
	if len(args) == 2 {
		_, err := fmt.Sscan(args[1], &wanted)
		ts.Check(err)
	}
	shown, err := regexp.Compile("(?m)" + *pattern)
	ts.Check(err)
	s := of(ts)
	address := s.address(args[0])
	for deadline := time.Now().Add(patience * *within); ; time.Sleep(100 * time.Millisecond) {
		status, body, err := s.platform.Visit(s.ctx, address)
		if err == nil && status == wanted && shown.MatchString(body) {
			fmt.Fprint(ts.Stdout(), body)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s answers %d (wanted: %d, with %q): %v\n%.4000s", address, status, wanted, *pattern, err, body)
		}
	}
}

// address is that of a tool's site, of a path in it as in wiki/search?for=me, or the URL that it is given.
func (s *session) address(of string) string {
	if strings.Contains(of, "://") {
		return of
	}
	tool, path, _ := strings.Cut(of, "/")
	return s.platform.Site(tool) + path
}

// visitors start ADDRESS begins to visit an address every 20 ms: a tool's name, or a URL. visitors stop ADDRESS ends that,
// and fails if any visit did.
func visitors(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: visitors start|stop ADDRESS")
	}
	s := of(ts)
	switch args[0] {
	case "start":
		s.visitors[args[1]] = s.platform.Send(s.ctx, s.address(args[1]))
	case "stop":
		served, failures := s.visitors[args[1]].Stop()
		ts.Logf("%d visits were served, %d failed", served, len(failures))
		if len(failures) > 0 || served == 0 {
			ts.Fatalf("%d of %d visits failed, first: %s", len(failures), served+len(failures), strings.Join(failures[:min(5, len(failures))], "; "))
		}
	default:
		ts.Fatalf("usage: visitors start|stop ADDRESS")
	}
}

// kubectl ARGUMENTS... is kubectl, as an administrator.
func kubectl(ts *testscript.TestScript, neg bool, args []string) {
	command := exec.CommandContext(of(ts).ctx, ts.Getenv("KUBECTL"), args...)
	command.Env = []string{"KUBECONFIG=" + ts.Getenv("KUBECONFIG"), "HOME=" + ts.Getenv("WORK")}
	command.Stdout, command.Stderr = ts.Stdout(), ts.Stderr()
	if err := command.Run(); (err != nil) != neg {
		ts.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
}

// until DURATION REGEXP ARGUMENTS... asks kubectl again and again until what it prints matches, at most for that long, times patience.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: until DURATION REGEXP ARGUMENTS...")
	}
	within, err := time.ParseDuration(args[0])
	ts.Check(err)
	wanted, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	for deadline := time.Now().Add(patience * within); ; time.Sleep(200 * time.Millisecond) {
		command := exec.CommandContext(of(ts).ctx, ts.Getenv("KUBECTL"), args[2:]...)
		command.Env = []string{"KUBECONFIG=" + ts.Getenv("KUBECONFIG"), "HOME=" + ts.Getenv("WORK")}
		output, err := command.CombinedOutput()
		if err == nil && wanted.Match(output) {
			ts.Logf("%s", output)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("after %s, kubectl %s prints (%v), not %q:\n%s", patience*within, strings.Join(args[2:], " "), err, args[1], output)
		}
	}
}

// gone APIVERSION KIND NAMESPACE NAME waits until the object does not exist. The namespace is - for none.
func gone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: gone APIVERSION KIND NAMESPACE NAME")
	}
	ctx, cancel := context.WithTimeout(of(ts).ctx, waitDeadline)
	defer cancel()
	ts.Check(of(ts).platform.Gone(ctx, args[0], args[1], strings.Trim(args[2], "-"), args[3]))
}

// delete NAME deletes a tool and waits until its namespace is gone.
func remove(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: delete NAME")
	}
	ts.Check(of(ts).platform.Delete(of(ts).ctx, args[0]))
}

// kill-daemon kills all replicas of the daemon with SIGKILL. kill-daemon ready then waits until all are ready again and one
// leads.
func killDaemon(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(of(ts).ctx, waitDeadline)
	defer cancel()
	if len(args) == 1 && args[0] == "ready" {
		ts.Check(of(ts).platform.DaemonReady(ctx))
		return
	}
	ts.Check(of(ts).platform.KillDaemon())
}

// kill-leader kills the replica of the daemon that leads with SIGKILL, and no other.
func killLeader(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: kill-leader")
	}
	ts.Check(of(ts).platform.KillLeader(of(ts).ctx))
}

// writes mark forgets what the daemon has written so far. writes prints how many writes it made since then, and each.
func writes(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	list, offset, err := platform.Writes(ts.Getenv("AUDIT_LOG"), s.audited)
	ts.Check(err)
	if len(args) == 1 && args[0] == "mark" {
		s.audited = offset
		return
	}
	fmt.Fprintf(ts.Stdout(), "%d writes\n", len(list))
	for _, write := range list {
		fmt.Fprintln(ts.Stdout(), write)
	}
}

// quiet waits until the daemon has written nothing for five seconds.
func quiet(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(of(ts).ctx, waitDeadline)
	defer cancel()
	ts.Check(of(ts).platform.Quiet(ctx, ts.Getenv("AUDIT_LOG"), 5*time.Second))
}

// passed waits until the daemon has gone over every tool since it started: once when it saw it, and once when it had
// asked the tool's repository.
func passed(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(of(ts).ctx, waitDeadline)
	defer cancel()
	ts.Check(of(ts).platform.Passed(ctx))
}

// git-secret NAME [PASSWORD] puts the git server's password into a Secret in the namespace of the builds, or another one, which
// public repositories do not ask for.
func gitSecret(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: git-secret NAME [PASSWORD]")
	}
	s := of(ts)
	username, password, err := s.platform.GitPassword()
	ts.Check(err)
	if len(args) == 2 {
		password = args[1]
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: buildNamespace, Name: args[0]},
		Type:       corev1.SecretTypeBasicAuth,
		StringData: map[string]string{corev1.BasicAuthUsernameKey: username, corev1.BasicAuthPasswordKey: password},
	}
	s.secrets = append(s.secrets, args[0])
	ts.Check(s.platform.Client.Create(s.ctx, secret))
}

// ssh-git SECRET serves the git server's repositories over SSH, at $SSH_GIT/NAME.git, and makes the Secret with the deploy
// key for that.
func sshGit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ssh-git SECRET")
	}
	s := of(ts)
	address := cmp.Or(os.Getenv("SSH_GIT_LISTEN"), "10.88.0.1:2222")
	served, err := s.platform.ServeSSH(address)
	ts.Check(err)
	ts.Defer(func() { _ = served.Close() })
	_, port, err := net.SplitHostPort(address)
	ts.Check(err)
	git, err := url.Parse(s.platform.Git)
	ts.Check(err)
	ts.Setenv("SSH_GIT", "ssh://git@"+net.JoinHostPort(git.Hostname(), port))
	s.secrets = append(s.secrets, args[0])
	ts.Check(s.platform.Client.Create(s.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: buildNamespace, Name: args[0]},
		StringData: map[string]string{
			"identity":    served.Identity,
			"known_hosts": "[" + git.Hostname() + "]:" + port + " " + served.HostKey + "\n",
		},
	}))
}

// buildNamespace is the namespace of the builds, as the chart has it.
const buildNamespace = "toolforge-builds"

// unique FILE writes a file that no run before had, so that the push is really built.
func unique(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unique FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(rand.Text()+"\n"), 0o666))
}

// expand FILE... fills the environment variables of the script into files.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o666))
	}
}

// take NAME makes what was printed last an environment variable, without white space around it.
func take(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: take NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
