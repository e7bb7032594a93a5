// Package cluster runs a real API server, and dicer's commands as processes
// beside it, for the end-to-end tests and for the demonstration.
package cluster
