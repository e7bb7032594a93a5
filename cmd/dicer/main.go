// Command dicer is the webhook and the fan-out controller in one file, the
// image's: the name that it is started by says which of them it is. Each has all
// types of Kubernetes' API in it, which come with controller-runtime, and two
// files would have them twice.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	fanout "github.com/dicer-dev/dicer/cmd/fanout/app"
	webhook "github.com/dicer-dev/dicer/cmd/webhook/app"
	"github.com/dicer-dev/dicer/internal/command"
)

var commands = map[string]func() *cobra.Command{
	"webhook": webhook.NewCommand,
	"fanout":  fanout.NewCommand,
}

func main() {
	name := filepath.Base(os.Args[0])
	newCommand, ok := commands[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "%s: want webhook or fanout as the name of this file\n", name)
		os.Exit(2)
	}
	command.Main(newCommand())
}
