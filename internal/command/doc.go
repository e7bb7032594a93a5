// Package command is what dicer's commands have in common: flags that the
// environment sets too, the version, signals and the exit code.
package command
