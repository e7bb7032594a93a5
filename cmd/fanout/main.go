// Command fanout creates the DataImportCrons of each SSP template, one per
// architecture, and deletes its own that are wanted no more.
package main

import (
	"github.com/dicer-dev/dicer/cmd/fanout/app"
	"github.com/dicer-dev/dicer/internal/command"
)

func main() {
	command.Main(app.NewCommand())
}
