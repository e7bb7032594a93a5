package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func startEtcd(ctx context.Context, assets, dir string, port int) (*process, error) {
	url := loopbackURL("http", port)
	etcd, err := startProcess(exec.Command(filepath.Join(assets, "etcd"),
		"--data-dir="+filepath.Join(dir, "etcd"),
		"--listen-client-urls="+url,
		"--advertise-client-urls="+url,
		"--listen-peer-urls="+loopbackURL("http", 0),
		"--log-level=warn",
		// The data is thrown away, so it need not survive a crash.
		"--unsafe-no-fsync",
	), filepath.Join(dir, "etcd.log"))
	if err != nil {
		return nil, err
	}
	return etcd, etcd.untilReady(ctx, http.DefaultClient, url+"/health")
}

func startAPIServer(ctx context.Context, assets, dir string, config *rest.Config, flags map[string]string) (*process, error) {
	tokens := filepath.Join(dir, "tokens.csv")
	record := config.BearerToken + ",admin,admin,system:masters\n"
	if err := os.WriteFile(tokens, []byte(record), 0o600); err != nil {
		return nil, fmt.Errorf("writing the administrator's token: %w", err)
	}
	flags = maps.Clone(flags)
	flags["token-auth-file"] = tokens
	var args []string
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		args = append(args, "--"+name+"="+flags[name])
	}
	server, err := startProcess(exec.Command(filepath.Join(assets, "kube-apiserver"), args...),
		filepath.Join(dir, "kube-apiserver.log"))
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return server, fmt.Errorf("making a client of the API server: %w", err)
	}
	return server, server.untilReady(ctx, client, config.Host+"/readyz")
}

func apiServerFlags(certificates *Certificates, etcdPort, port int) map[string]string {
	key := filepath.Join(certificates.Dir, keyFile)
	return map[string]string{
		"bind-address":         "127.0.0.1",
		"secure-port":          strconv.Itoa(port),
		"etcd-servers":         loopbackURL("http", etcdPort),
		"tls-cert-file":        filepath.Join(certificates.Dir, certFile),
		"tls-private-key-file": key,
		"authorization-mode":   "RBAC",
		// Without these two it asks the machine for an address other than
		// loopback, and does not start where there is none.
		"advertise-address":        "127.0.0.1",
		"endpoint-reconciler-type": "none",
		"service-cluster-ip-range": "10.0.0.0/24",
		// It does not start without a key for service account tokens.
		"service-account-issuer":           "https://kubernetes.default.svc",
		"service-account-key-file":         key,
		"service-account-signing-key-file": key,
		// No controller makes the default service accounts that it asks for.
		"disable-admission-plugins": "ServiceAccount",
	}
}

func adminConfig(certificates *Certificates, port int) *rest.Config {
	return &rest.Config{
		Host:            loopbackURL("https", port),
		BearerToken:     rand.Text(),
		TLSClientConfig: rest.TLSClientConfig{CAData: certificates.CABundle},
		QPS:             -1,
		WarningHandler:  rest.NoWarnings{},
	}
}

func writeKubeconfig(path string, config *rest.Config) error {
	const name = "dicer"
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters[name] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	kubeconfig.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: config.BearerToken}
	kubeconfig.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	kubeconfig.CurrentContext = name
	if err := clientcmd.WriteToFile(*kubeconfig, path); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}

func loopbackURL(scheme string, port int) string {
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
}
