// Package e2e tests the webhook as a process on a real API server: what a user
// writes, and what the API server answers. Its test names are the
// specification, rule by rule.
package e2e
