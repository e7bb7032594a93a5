// Command kubectl-dicer is a kubectl plugin, kubectl dicer, that also runs alone: the
// webhook's rules for files, and what stands in a cluster.
package main

import (
	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/app"
	"github.com/dicer-dev/dicer/internal/command"
)

func main() {
	command.Main(app.NewCommand())
}
