// Command webhook serves dicer's admission webhooks over TLS. It needs no
// kubeconfig and makes no API call: every answer comes from the AdmissionReview.
package main

import (
	"github.com/dicer-dev/dicer/cmd/webhook/app"
	"github.com/dicer-dev/dicer/internal/command"
)

func main() {
	command.Main(app.NewCommand())
}
