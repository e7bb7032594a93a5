package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/dicer-dev/dicer/test/cluster"
	"github.com/dicer-dev/dicer/test/crds"
)

// env is what all tests share: an API server on which CDI, cert-manager and
// prometheus-operator are known and nothing of dicer is installed, and dicer's commands, built.
var env struct {
	*cluster.Cluster
	dir             string
	webhook, fanout string
}

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	log.SetLogger(logr.Discard())
	if env.dir, err = os.MkdirTemp("", "dicer-deploy-"); err != nil {
		return 1, err
	}
	return cluster.RunTests(start, m.Run, func() error {
		var stopErr error
		if env.Cluster != nil {
			stopErr = env.Stop()
		}
		return errors.Join(stopErr, os.RemoveAll(env.dir))
	})
}

// limited has the API server admit critical pods as GKE's does: only where a
// quota is for them.
const limited = `
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: ResourceQuota
  configuration:
    apiVersion: apiserver.config.k8s.io/v1
    kind: ResourceQuotaConfiguration
    limitedResources:
    - resource: pods
      matchScopes:
      - scopeName: PriorityClass
        operator: In
        values: ["system-node-critical", "system-cluster-critical"]
`

func start(ctx context.Context) error {
	admission := filepath.Join(env.dir, "admission.yaml")
	if err := os.WriteFile(admission, []byte(limited), 0o600); err != nil {
		return err
	}
	definitions, err := definitions()
	if err != nil {
		return err
	}
	env.Cluster, err = cluster.Start(ctx, cluster.Options{
		CRDs:           definitions,
		APIServerFlags: map[string]string{"admission-control-config-file": admission},
	})
	if err != nil {
		return err
	}
	// SSP or HCO make these.
	for _, name := range []string{"kubevirt-os-images", "openshift-virtualization-os-images"} {
		if err := env.Namespace(ctx, name, nil); err != nil {
			return err
		}
	}
	if env.webhook, err = cluster.BuildWebhook(ctx, env.dir); err != nil {
		return err
	}
	env.fanout, err = cluster.BuildFanout(ctx, env.dir)
	return err
}

// definitions are CDI's, cert-manager's and prometheus-operator's. SSP's are left to
// components/ssp-crd.
func definitions() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	var found []*apiextensionsv1.CustomResourceDefinition
	for _, crd := range crds.All() {
		if crd.Spec.Group == "cdi.kubevirt.io" {
			found = append(found, crd)
		}
	}
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict([]byte(strings.TrimPrefix(string(content), "---\n")), crd); err != nil {
			return nil, fmt.Errorf("decoding %s: %w", file, err)
		}
		found = append(found, crd)
	}
	return found, nil
}
