package main

import (
	"context"
	"errors"
	"time"
)

// run starts everything, walks through the steps and stops everything.
func run(ctx context.Context, out *screen, keep bool) (err error) {
	started := time.Now()
	d, err := start(ctx, out)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, d.stop())
	}()
	version, _, err := d.Kubectl(ctx, "", "version")
	if err != nil {
		return err
	}
	out.note("%s", version)
	for i, s := range steps {
		if err := d.show(ctx, i+1, s); err != nil {
			return err
		}
	}
	out.note("\nAll %d steps went as they should, in %s.\n", len(steps), time.Since(started).Round(time.Second))
	if keep {
		out.note(kept, d.KubeconfigPath, seedSSP)
		<-ctx.Done()
		out.note("\nended\n")
	}
	return nil
}

const kept = `Everything is left running. In another terminal, here:

  export KUBECONFIG=%s
  kubectl apply -f %s
  kubectl get ssp,dataimportcrons -A
  kubectl events --for ssp/ssp -n kubevirt

Ctrl-C here ends it.
`
