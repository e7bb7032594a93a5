package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rotated answers as a cluster does in which the CA is rotated; what contains
// $FAIL fails.
const rotated = `#!/usr/bin/env bash
echo "$*" >>"$STATE/calls"
[ -z "$FAIL" ] || [[ "$*" != *"$FAIL"* ]] || exit 1
case "$*" in
"delete secret"*dicer-ca*) touch "$STATE/new" ;;
"get secret"*dicer-ca*) if [ -e "$STATE/new" ]; then printf new; else printf old; fi | base64 ;;
"get secret"*dicer-webhook-tls*) printf new | base64 ;;
*caBundle*) printf 'BEGIN CERTIFICATE' | base64 ;;
*'webhooks[*].name'*) echo one two ;;
"get pods"*) printf 'pod/one\npod/two\n' ;;
esac
`

// TestTheRotationOfTheCAStopsWhereKubectlFails is of failures after which going on
// would have a webhook trusted by nobody; test/kind rotates a real one.
func TestTheRotationOfTheCAStopsWhereKubectlFails(t *testing.T) {
	for _, test := range []struct{ fail, want, never string }{
		{"", "rotate-ca: done", ""},
		{"get validatingwebhookconfiguration dicer -o jsonpath={.webhooks[*].name}", "stopped: the old CA is trusted, and serves", "delete secret -n dicer-system dicer-webhook-tls"},
		{"get pods", "stopped: both CAs are trusted", "rollout restart"},
		{"wait -n dicer-system pod/one pod/two --for=delete", "stopped: both CAs are trusted", "dicer cert-manager.io/inject-ca-from="},
	} {
		t.Run(test.want+" "+test.fail, func(t *testing.T) {
			state := t.TempDir()
			if err := os.WriteFile(filepath.Join(state, "kubectl"), []byte(rotated), 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "../../deploy/components/cert-manager/rotate-ca.sh")
			cmd.Env = append(os.Environ(), "PATH="+state+":"+os.Getenv("PATH"), "STATE="+state, "FAIL="+test.fail)
			out, err := cmd.CombinedOutput()
			if (err != nil) != (test.fail != "") || !strings.Contains(string(out), test.want) {
				t.Errorf("%v:\n%s", err, out)
			}
			calls, err := os.ReadFile(filepath.Join(state, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			if test.never != "" && strings.Contains(string(calls), test.never) {
				t.Errorf("it went on to %q:\n%s", test.never, calls)
			}
		})
	}
}
