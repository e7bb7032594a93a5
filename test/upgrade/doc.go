// Package upgrade replaces the preceding release by this revision, and this revision
// by the preceding release, while objects are written: configurations and replicas, as
// kubectl apply and a Deployment's rollout do.
package upgrade
