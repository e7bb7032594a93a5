//go:build kind

package kind

import ("flag";"testing";"os/exec")

var kubeconfig = flag.String("kubeconfig", "", "")
var kubectl = flag.String("kubectl", "", "")
var node = flag.String("node", "", "")
var a = flag.String("install", "", "")
var b = flag.String("version", "", "")
var c = flag.String("previous-install", "", "")
var d = flag.String("previous-version", "", "")
var l = flag.String("logs", "", "")

func TestKind(t *testing.T) {
	o, err := exec.Command(*kubectl, "--kubeconfig", *kubeconfig, "get", "pods", "-A").CombinedOutput()
	t.Log(string(o), err)
	t.Log(*a, *b, *c, *d, *l)
}
