// Package clientauth has a real API server call the webhook with client
// certificates, as docs/operations.md says it is configured.
package clientauth
