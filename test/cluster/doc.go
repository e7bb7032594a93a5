// Package cluster runs a real API server, and the webhook as a process beside
// it, for the end-to-end tests and for the demonstration.
package cluster
