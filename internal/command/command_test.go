package command

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type settings struct {
	Port  int
	Users []string
	// Linger lets the run go on after its context.
	Linger bool
}

func (s *settings) AddFlags(fs *pflag.FlagSet) {
	fs.IntVar(&s.Port, "port", 80, "")
	fs.StringSliceVar(&s.Users, "ssp-users", nil, "")
	fs.BoolVar(&s.Linger, "linger", false, "")
}

func (s *settings) Validate() error {
	if s.Port == 0 {
		return errors.New("no port")
	}
	return nil
}

// execute returns the settings that the command ran with, nil where it did not.
func execute(t *testing.T, env map[string]string, args ...string) (got *settings, output string, err error) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	cmd := New(&cobra.Command{Use: "test", Long: "Test."}, &settings{}, func(_ context.Context, s *settings) error {
		got = s
		return nil
	})
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err = cmd.Execute()
	return got, out.String(), err
}

func TestTheEnvironmentSetsWhatTheCommandLineDoesNot(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args []string
		want settings
	}{
		"neither": {want: settings{Port: 80}},
		"the environment": {
			env:  map[string]string{"DICER_PORT": "1", "DICER_SSP_USERS": "a,b"},
			want: settings{Port: 1, Users: []string{"a", "b"}},
		},
		"both": {
			env: map[string]string{"DICER_PORT": "1", "DICER_SSP_USERS": "a,b"}, args: []string{"--port=2", "--ssp-users=c"},
			want: settings{Port: 2, Users: []string{"c"}},
		},
		"no way to set what ends the command": {
			env:  map[string]string{"DICER_HELP": "true", "DICER_VERSION": "true"},
			want: settings{Port: 80},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := execute(t, tc.env, tc.args...)
			if err != nil || got == nil {
				t.Fatalf("it did not run: %v", err)
			}
			if diff := cmp.Diff(tc.want, *got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestItDoesNotRunWithWhatIsInvalid(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args []string
		want []string
	}{
		"an argument":               {args: []string{"serve"}, want: []string{`"serve"`}},
		"an unknown flag":           {args: []string{"--prot=1"}, want: []string{"unknown flag: --prot"}},
		"options that do not fit":   {args: []string{"--port=0"}, want: []string{"no port"}},
		"all of the environment":    {env: map[string]string{"DICER_PORT": "x", "DICER_LINGER": "y"}, want: []string{"DICER_PORT", `"x"`, "DICER_LINGER", `"y"`}},
		"options that env sets too": {env: map[string]string{"DICER_PORT": "0"}, want: []string{"no port"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, output, err := execute(t, tc.env, tc.args...)
			if err == nil || got != nil {
				t.Fatalf("it ran with %+v", got)
			}
			for _, text := range tc.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q lacks %q", err, text)
				}
			}
			// Main prints the error, once, and a usage of 20 flags hides it.
			if output != "" {
				t.Errorf("it printed %q", output)
			}
		})
	}
}

func TestVersionTellsWhatWasBuilt(t *testing.T) {
	defer func(old []string) { version, commit, date = old[0], old[1], old[2] }([]string{version, commit, date})
	version, commit, date = "v1.2.3", "abc", "2026-11-22"
	_, output, err := execute(t, nil, "--version")
	if err != nil || !strings.Contains(output, "v1.2.3 (commit abc, 2026-11-22, go") {
		t.Errorf("got %q, %v", output, err)
	}
	if got := []string{Version(), Commit()}; !slices.Equal(got, []string{"v1.2.3", "abc"}) {
		t.Errorf("for logs: %v", got)
	}
}

func TestHelpTellsOfTheEnvironment(t *testing.T) {
	_, output, err := execute(t, nil, "--help")
	if err != nil || !strings.HasPrefix(output, "Test.\n\n") || !strings.Contains(output, "--ssp-users by DICER_SSP_USERS") {
		t.Errorf("got %q, %v", output, err)
	}
}
