package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asCommand makes the test binary the command.
const asCommand = "RUN_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestItIsTheCommandThatItIsStartedAs(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"the webhook":                 {args: []string{"/webhook", "--version"}, want: "webhook version devel"},
		"fan-out":                     {args: []string{"/fanout", "--version"}, want: "fanout version devel"},
		"in a folder":                 {args: []string{"./webhook/fanout", "--version"}, want: "fanout version devel"},
		"found in the PATH":           {args: []string{"webhook", "--version"}, want: "webhook version devel"},
		"the webhook asks no server":  {args: []string{"/webhook", "--kubeconfig=x"}, code: 2, want: "webhook: unknown flag: --kubeconfig\n"},
		"fan-out serves no webhook":   {args: []string{"/fanout", "--cert-dir=x"}, code: 2, want: "fanout: unknown flag: --cert-dir\n"},
		"neither":                     {args: []string{"/dicer", "--version"}, code: 2, want: "dicer: want webhook or fanout as the name of this file\n"},
		"an argument is not the name": {args: []string{"/dicer", "webhook"}, code: 2, want: "dicer: want webhook or fanout as the name of this file\n"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Args = tc.args
			cmd.Env = []string{asCommand + "=1"}
			output, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tc.code || !strings.HasPrefix(string(output), tc.want) {
				t.Errorf("exit code %d, %q; want %d, %q", code, output, tc.code, tc.want)
			}
		})
	}
}
