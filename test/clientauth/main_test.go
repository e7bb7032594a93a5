package clientauth

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

const (
	// apiserverFiles are what an administrator copies to where etcKubernetes is.
	apiserverFiles = "../../deploy/components/client-auth/apiserver"
	etcKubernetes  = "/etc/kubernetes/pki/dicer/"
	// webhookNamespace is where the Service is by which the API server calls.
	webhookNamespace = "dicer-system"
)

// env is what all tests share: one webhook that asks for certificates, and an API
// server that shows another one at each of the names by which it calls.
var env struct {
	*cluster.Cluster
	webhook *cluster.Webhook
	// clientCAs is the webhook's file of CAs; each CA, by name.
	clientCAs string
	cas       map[string]*cluster.Certificates
}

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "clientauth:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (int, error) {
	log.SetLogger(logr.Discard())
	dir, err := os.MkdirTemp("", "dicer-clientauth-")
	if err != nil {
		return 1, err
	}
	return cluster.RunTests(func(ctx context.Context) error { return start(ctx, dir) }, m.Run, func() error {
		if env.webhook != nil {
			env.webhook.Kill()
		}
		var stopErr error
		if env.Cluster != nil {
			stopErr = env.Stop()
		}
		return errors.Join(stopErr, os.RemoveAll(dir))
	})
}

func start(ctx context.Context, dir string) error {
	env.cas = map[string]*cluster.Certificates{}
	for _, name := range []string{"ours", "next", "theirs"} {
		var err error
		if env.cas[name], err = cluster.NewCertificates(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	env.clientCAs = filepath.Join(dir, "client-ca.crt")
	if err := trust("ours"); err != nil {
		return err
	}
	if err := startWebhook(ctx, dir); err != nil {
		return err
	}
	admission, err := configureAPIServer(dir)
	if err != nil {
		return err
	}
	env.Cluster, err = cluster.Start(ctx, cluster.Options{
		CRDs:           crds.All(),
		APIServerFlags: map[string]string{"admission-control-config-file": admission},
	})
	if err != nil {
		return err
	}
	for _, c := range callers {
		if err := install(ctx, c); err != nil {
			return fmt.Errorf("installing the webhooks of %s: %w", c.service, err)
		}
	}
	return nil
}

// trust writes the webhook's file of CAs.
func trust(names ...string) error {
	var bundle []byte
	for _, name := range names {
		bundle = slices.Concat(bundle, env.cas[name].CABundle)
	}
	return os.WriteFile(env.clientCAs, bundle, 0o600)
}

// startWebhook has its certificate be for each Service.
func startWebhook(ctx context.Context, dir string) error {
	binary, err := cluster.BuildWebhook(ctx, dir)
	if err != nil {
		return err
	}
	serving, err := cluster.NewCertificates(filepath.Join(dir, "serving"))
	if err != nil {
		return err
	}
	cert, key, err := serving.Sign(func(c *x509.Certificate) {
		for _, caller := range callers {
			c.DNSNames = append(c.DNSNames, caller.service+"."+webhookNamespace+".svc")
		}
	})
	if err != nil {
		return err
	}
	if err := serving.Write(cert, key); err != nil {
		return err
	}
	env.webhook, err = cluster.StartWebhook(ctx, cluster.WebhookOptions{
		Binary: binary, Certificates: serving, LogDir: dir,
		Args: []string{"--client-ca-file=" + env.clientCAs, "--client-allowed-names=kube-apiserver", "--zap-log-level=debug"},
	})
	return err
}

// configureAPIServer writes the files of deploy/components/client-auth/apiserver
// into dir, with a user more for each caller but the one that is shipped, and
// returns the path of the AdmissionConfiguration.
func configureAPIServer(dir string) (string, error) {
	for _, name := range []string{"admission.yaml", "webhooks.kubeconfig"} {
		content, err := os.ReadFile(filepath.Join(apiserverFiles, name))
		if err != nil {
			return "", err
		}
		text := strings.ReplaceAll(string(content), etcKubernetes, dir+string(filepath.Separator))
		// The port is that of the Service, which is the pod's here.
		text = strings.ReplaceAll(text, ".svc:443", ".svc:"+env.webhook.Port())
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	kubeconfig := filepath.Join(dir, "webhooks.kubeconfig")
	config, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		return "", err
	}
	for _, c := range callers {
		if c.by == "" {
			continue
		}
		user := c.service + "." + webhookNamespace + ".svc:" + env.webhook.Port()
		if shipped := config.AuthInfos[user]; shipped != nil {
			if err := c.writePair(shipped.ClientCertificate, shipped.ClientKey); err != nil {
				return "", err
			}
			continue
		}
		cert, key := filepath.Join(dir, c.service+".crt"), filepath.Join(dir, c.service+".key")
		if err := c.writePair(cert, key); err != nil {
			return "", err
		}
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificate: cert, ClientKey: key}
	}
	return filepath.Join(dir, "admission.yaml"), clientcmd.WriteToFile(*config, kubeconfig)
}

func (c caller) writePair(certPath, keyPath string) error {
	cert, key, err := env.cas[c.by].Sign(func(template *x509.Certificate) {
		template.Subject.CommonName, template.DNSNames, template.IPAddresses = c.name, nil, nil
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if c.expired {
			template.NotBefore, template.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}
	})
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(certPath, cert, 0o600), os.WriteFile(keyPath, key, 0o600))
}
