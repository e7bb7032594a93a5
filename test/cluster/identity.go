package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// tokenLifetime outlasts every test, since nobody renews the token.
const tokenLifetime = 24 * time.Hour

// ServiceAccountKubeconfig returns the path of a kubeconfig, in Dir, by which
// one acts as a ServiceAccount that exists. The API server accepts it for as
// long as the ServiceAccount does.
func (c *Cluster) ServiceAccountKubeconfig(ctx context.Context, namespace, name string) (string, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	seconds := int64(tokenLifetime.Seconds())
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if err := c.Client.SubResource("token").Create(ctx, account, token); err != nil {
		return "", fmt.Errorf("requesting a token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	config := rest.CopyConfig(c.Config)
	config.BearerToken = token.Status.Token
	// No name has an underscore, so no two accounts have one file.
	path := filepath.Join(c.Dir, namespace+"_"+name+".kubeconfig")
	if err := writeKubeconfig(path, config); err != nil {
		return "", err
	}
	return path, nil
}
