// Package process runs the servers under test, each as a process of its own, and
// reads from the system what they use.
package process
