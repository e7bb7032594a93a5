package deploy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dicer-dev/dicer/test/cluster"
)

// clientAuth renders a user's overlay with components/client-auth.
func clientAuth(t *testing.T) *overlay {
	t.Helper()
	const last = "- ../../components/settings\n"
	return own(t, strings.Replace(ownKustomization, last, "- ../../components/client-auth\n"+last, 1))
}

// TestTheClientsCAReachesTheServer follows it from the ConfigMap to the flag, and
// the name of the API server's user from the Service to its kubeconfig.
func TestTheClientsCAReachesTheServer(t *testing.T) {
	o := clientAuth(t)
	d := deployments(t, o)[webhookName]
	before := deployments(t, own(t, ownKustomization))
	volumes := d.Spec.Template.Spec.Volumes
	mounts := d.Spec.Template.Spec.Containers[0].VolumeMounts
	i := slices.IndexFunc(volumes, func(v corev1.Volume) bool {
		return v.ConfigMap != nil && v.ConfigMap.Name == "dicer-webhook-client-ca" && v.ConfigMap.Optional == nil && v.ConfigMap.Items == nil
	})
	if len(volumes) != 2 || len(mounts) != 2 || i < 0 {
		t.Fatalf("volumes %v, mounts %v", volumes, mounts)
	}
	m := mounts[slices.IndexFunc(mounts, func(m corev1.VolumeMount) bool { return m.Name == volumes[i].Name })]
	settings := settings(t, o, d)
	if settings["client-ca-file"] != m.MountPath+"/ca.crt" || settings["client-allowed-names"] != "kube-apiserver" || m.SubPath != "" || !m.ReadOnly {
		t.Errorf("it reads %q for %q; mounted is %v", settings["client-ca-file"], settings["client-allowed-names"], m)
	}
	if got := environment(t, o, deployments(t, o)[fanoutName].Spec.Template.Spec.Containers[0]); len(got) != len(environment(t, o, before[fanoutName].Spec.Template.Spec.Containers[0])) {
		t.Errorf("fan-out's environment is %v", got)
	}
	kubeconfig, err := clientcmd.LoadFromFile("../../deploy/components/client-auth/apiserver/webhooks.kubeconfig")
	if err != nil {
		t.Fatal(err)
	}
	service := one[corev1.Service](t, o, "Service")
	user := service.Name + "." + service.Namespace + ".svc:443"
	if len(kubeconfig.AuthInfos) != 1 || kubeconfig.AuthInfos[user] == nil || kubeconfig.CurrentContext != "" {
		t.Errorf("its users are %v; want %s alone, for nobody else's webhooks", kubeconfig.AuthInfos, user)
	}
}

// TestClientAuthIsInstalledAndRuns has the pod admitted and the command start, with
// the ConfigMap's content where this machine has room for it.
func TestClientAuthIsInstalledAndRuns(t *testing.T) {
	o := clientAuth(t)
	install(t, o)
	countQuota(t, o)
	if err := create(t.Context(), pod(deployments(t, o)[webhookName])); err != nil {
		t.Errorf("refused: %v", err)
	}
	certificates, err := cluster.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, certificates.CABundle, 0o600); err != nil {
		t.Fatal(err)
	}
	args, environment := commandLine(t, o, webhookName)
	args = slices.DeleteFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--port=") })
	for i, variable := range environment {
		environment[i] = strings.Replace(variable, "=/client-ca/ca.crt", "="+ca, 1)
	}
	w, err := cluster.StartWebhook(t.Context(), cluster.WebhookOptions{
		Binary: env.webhook, Certificates: certificates, LogDir: t.TempDir(), Args: args, Env: environment,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Kill()
	if log, err := w.Logs(); err != nil || !strings.Contains(log, "clients' CAs read") {
		t.Errorf("%v; its log:\n%s", err, log)
	}
}
