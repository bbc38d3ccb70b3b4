package testscripts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// directory REPOSITORY NAME makes a Directory that follows a repository of the git server, asked every second. It and its tools
// go with the script.
func directory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: directory REPOSITORY NAME")
	}
	s := of(ts)
	made := &api.Directory{
		ObjectMeta: metav1.ObjectMeta{Name: args[1]},
		Spec: api.DirectorySpec{Repository: s.platform.Git + "/" + args[0] + ".git", Ref: "HEAD", Path: "tools",
			Interval: metav1.Duration{Duration: time.Second}},
	}
	s.directories = append(s.directories, args[1])
	ts.Check(s.platform.Client.Create(s.ctx, made))
}

// dropDirectories removes Directories and the tools that they made.
func (s *session) dropDirectories(ctx context.Context) error {
	for _, name := range s.directories {
		made := &api.Directory{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := s.platform.Client.Delete(ctx, made); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete directory %s: %w", name, err)
		}
		var list api.ToolList
		if err := s.platform.Client.List(ctx, &list, client.MatchingLabels{api.DirectoryLabel: name}); err != nil {
			return fmt.Errorf("list tools of directory %s: %w", name, err)
		}
		for i := range list.Items {
			s.tools = append(s.tools, list.Items[i].Name)
		}
	}
	return nil
}

// signers NAME... makes an SSH key pair for each: NAME, and NAME.pub, whose one line is the variable NAME too.
func signers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: signers NAME...")
	}
	for _, name := range args {
		ts.Check(ts.Exec("ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-C", name, "-f", ts.MkAbs(name)))
		public, err := os.ReadFile(filepath.Clean(ts.MkAbs(name) + ".pub"))
		ts.Check(err)
		ts.Setenv(name, string(public[:len(public)-1]))
	}
}
