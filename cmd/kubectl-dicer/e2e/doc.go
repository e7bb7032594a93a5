// Package e2e runs the plugin as kubectl does, against a real API server.
package e2e
