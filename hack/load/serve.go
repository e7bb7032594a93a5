package main

import (
	"context"
	"flag"

	"github.com/dicer-dev/dicer/hack/load/contestant"
)

// runServe is the process of one server that is compared.
func runServe(ctx context.Context, args []string, out *output) error {
	flags := flag.NewFlagSet("load serve", flag.ContinueOnError)
	name := flags.String("name", "", "which server")
	port := flags.Int("port", 0, "port on loopback")
	certDir := flags.String("cert-dir", "", "`folder` with tls.crt and tls.key")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	return contestant.Serve(ctx, *name, *port, *certDir)
}
