// Package monitoring tests deploy/components/monitoring and docs/runbooks: the rules
// by Prometheus' own engine, and every expression of rules and dashboard against
// what dicer's commands export. It is a module of its own: Prometheus needs much that
// dicer does not.
package monitoring
