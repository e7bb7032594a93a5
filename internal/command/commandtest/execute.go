package commandtest

import (
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dicer-dev/dicer/internal/command"
)

// Constructor makes a command that hands its options to run.
type Constructor[O any] func(run func(context.Context, *O) error) *cobra.Command

// Execute runs the command with arguments and environment and returns the
// options that it would start with, nil where it would not.
func (n Constructor[O]) Execute(t *testing.T, env map[string]string, args ...string) (*O, error) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	var got *O
	cmd := n(func(_ context.Context, o *O) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	err := cmd.Execute()
	return got, err
}

// Names fails the test for each flag whose environment variable is not in env,
// but for those of the logging library.
func (n Constructor[O]) Names(t *testing.T, env map[string]string) {
	t.Helper()
	n(nil).Flags().VisitAll(func(f *pflag.Flag) {
		if _, ok := env[command.EnvName(f.Name)]; !ok && !strings.HasPrefix(f.Name, "zap-") {
			t.Errorf("--%s: not tried from the environment", f.Name)
		}
	})
}

// Refusal is a command line that must not start, and what its error says.
type Refusal struct {
	Env  map[string]string
	Args []string
	Want []string
}

// Refuses runs each case as a test of its own.
func (n Constructor[O]) Refuses(t *testing.T, cases map[string]Refusal) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := n.Execute(t, tc.Env, tc.Args...)
			if err == nil || got != nil {
				t.Fatalf("started with %+v", got)
			}
			for _, text := range tc.Want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q lacks %q", err, text)
				}
			}
		})
	}
}
