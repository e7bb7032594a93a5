// Package contestant has the servers that dicer's is compared with.
package contestant

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime"
	cdiv1beta1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Path is where each serves its webhook: dicer's.
const Path = "/mutate/dataimportcron"

// The servers.
const (
	// Bare reads a review and answers with a constant, by net/http alone.
	Bare = "bare"
	// Allow is controller-runtime's server, with a handler that allows everything.
	Allow = "allow"
	// Typed is controller-runtime's server and defaulter, with CDI's Go type.
	Typed = "typed"
)

var servers = map[string]func(ctx context.Context, port int, certDir string) error{
	Bare: serveBare,
	Allow: func(ctx context.Context, port int, certDir string) error {
		return serveWebhook(ctx, port, certDir, &admission.Webhook{Handler: admission.HandlerFunc(allow)})
	},
	Typed: func(ctx context.Context, port int, certDir string) error {
		scheme := runtime.NewScheme()
		if err := cdiv1beta1.AddToScheme(scheme); err != nil {
			return err
		}
		return serveWebhook(ctx, port, certDir, admission.WithDefaulter(scheme, completer{}))
	},
}

// Serve serves the contestant of a name until ctx ends, on loopback, with tls.crt
// and tls.key of a folder.
func Serve(ctx context.Context, name string, port int, certDir string) error {
	serve, ok := servers[name]
	if !ok {
		return fmt.Errorf("no server %q: want one of %q", name, slices.Sorted(maps.Keys(servers)))
	}
	return serve(ctx, port, certDir)
}

// serveWebhook has every option as users have it who set none.
func serveWebhook(ctx context.Context, port int, certDir string, hook *admission.Webhook) error {
	log.SetLogger(zap.New())
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, CertDir: certDir})
	server.Register(Path, hook)
	return server.Start(ctx)
}

func allow(context.Context, admission.Request) admission.Response { return admission.Allowed("") }

func serveBare(ctx context.Context, port int, certDir string) error {
	mux := http.NewServeMux()
	mux.HandleFunc(Path, answer)
	server := &http.Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Handler: mux}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.ListenAndServeTLS(filepath.Join(certDir, "tls.crt"), filepath.Join(certDir, "tls.key"))
	if ctx.Err() != nil {
		return nil
	}
	return err
}

const uidLength = 36

// answer is constant but for the uid, which it finds without decoding anything.
func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, uid, ok := bytes.Cut(body, []byte(`"uid":"`))
	if !ok || len(uid) < uidLength {
		http.Error(w, "no uid", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"%s","allowed":true,"status":{"metadata":{},"code":200}}}`, uid[:uidLength])
}
