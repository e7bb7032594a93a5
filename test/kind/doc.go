//go:build kind

// Package kind is the end-to-end suite for a whole cluster, which hack/kind makes
// (make e2e-kind): what needs a kubelet, controllers, a Service and cert-manager.
// The rules themselves are test/e2e's.
package kind
