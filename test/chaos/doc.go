//go:build chaos

// Package chaos counts what a bad day costs (make chaos): the webhook's replicas,
// their certificates, the API server, etcd and fan-out are stopped, killed, held and
// replaced under writes through a real API server.
package chaos
