package app

import (
	"crypto/tls"
	"errors"
	"flag"
	"strings"
	"time"

	"github.com/spf13/pflag"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// Options are the settings of the webhook server.
type Options struct {
	// Port is where the webhooks are served over TLS. Defaults to 9443.
	Port int
	// CertDir holds tls.crt and tls.key, read again when they change.
	// Defaults to /tls.
	CertDir string
	// TLSMinVersion is the lowest TLS version served: VersionTLS12 or
	// VersionTLS13. Defaults to VersionTLS13, which every API server speaks.
	TLSMinVersion string
	// ClientCAFile holds, in PEM, the CAs of who may call; read again when it
	// changes. Empty by default: anybody may, and learns what the rules say of an
	// object that he holds already.
	ClientCAFile string
	// ClientAllowedNames are the common or DNS names of who may call. Empty by
	// default: any name, with a certificate of ClientCAFile.
	ClientAllowedNames []string
	command.Endpoints
	// ShutdownDelay is how long a server that was told to stop goes on
	// accepting requests while it is not ready: endpoints take a moment to
	// leave every API server's Service. Defaults to 10 s.
	ShutdownDelay time.Duration
	// ShutdownTimeout is how long it waits, from SIGTERM on, for the connections
	// that clients keep. Defaults to 105 s: ShutdownDelay, in which the last one may
	// be made, the 90 s after which an API server closes one that it has not used,
	// and 5 s to spare.
	ShutdownTimeout time.Duration
	// Architectures are accepted, separated by commas. Defaults to
	// amd64,arm64,s390x; the match conditions in deploy/webhook hold the same
	// value.
	Architectures string
	// ValidationAction is Deny, Warn or Audit. Defaults to Deny.
	ValidationAction string
	// GoldenImagesNamespace is where a template without a namespace counts
	// to. Defaults to kubevirt-os-images.
	GoldenImagesNamespace string
	// SSPOperatorUsers are the only users whose DataImportCrons count as the
	// SSP operator's. Empty by default: the label alone decides.
	SSPOperatorUsers []string
	// Log are controller-runtime's logging options. Defaults to JSON at level
	// info.
	Log zap.Options
}

var tlsVersions = map[string]uint16{"VersionTLS12": tls.VersionTLS12, "VersionTLS13": tls.VersionTLS13}

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{
		Port:                  9443,
		CertDir:               "/tls",
		TLSMinVersion:         "VersionTLS13",
		Endpoints:             command.DefaultEndpoints(),
		ShutdownDelay:         10 * time.Second,
		ShutdownTimeout:       105 * time.Second,
		Architectures:         arch.DefaultArchitectures().List(),
		ValidationAction:      string(admissionregistrationv1.Deny),
		GoldenImagesNamespace: arch.DefaultGoldenImagesNamespace,
	}
}

// AddFlags adds a flag for each option.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.IntVar(&o.Port, "port", o.Port, "port of the webhooks, served over TLS")
	fs.StringVar(&o.CertDir, "cert-dir", o.CertDir, "folder with tls.crt and tls.key; reloaded when they change")
	fs.StringVar(&o.TLSMinVersion, "tls-min-version", o.TLSMinVersion, "lowest TLS version: VersionTLS12 or VersionTLS13")
	fs.StringVar(&o.ClientCAFile, "client-ca-file", o.ClientCAFile, "file with the CAs of who may call; reloaded when it changes; empty: anybody may")
	fs.StringSliceVar(&o.ClientAllowedNames, "client-allowed-names", o.ClientAllowedNames, "common or DNS names of who may call; empty: any of --client-ca-file")
	o.Endpoints.AddFlags(fs)
	fs.DurationVar(&o.ShutdownDelay, "shutdown-delay", o.ShutdownDelay, "how long requests are still accepted after SIGTERM, while /readyz says no")
	fs.DurationVar(&o.ShutdownTimeout, "shutdown-timeout", o.ShutdownTimeout, "how long clients have, from SIGTERM on, to close the connections that they keep")
	fs.StringVar(&o.Architectures, "architectures", o.Architectures, "accepted architectures; keep the match conditions in deploy/webhook the same")
	fs.StringVar(&o.ValidationAction, "validation-action", o.ValidationAction, "what becomes of errors: Deny, Warn or Audit")
	fs.StringVar(&o.GoldenImagesNamespace, "golden-images-namespace", o.GoldenImagesNamespace, "namespace of templates that name none")
	fs.StringSliceVar(&o.SSPOperatorUsers, "ssp-operator-users", o.SSPOperatorUsers, "users whose DataImportCrons count as the SSP operator's; empty: by label alone")
	goFlags := flag.NewFlagSet("", flag.ContinueOnError)
	o.Log.BindFlags(goFlags)
	fs.AddGoFlagSet(goFlags)
}

// Validate returns every invalid option, by its flag's name.
func (o *Options) Validate() error {
	errs := []error{o.Endpoints.Validate()}
	invalid := func(name string, value any, accepted string) {
		errs = append(errs, command.Invalid(name, value, accepted))
	}
	if o.Port < 1 || o.Port > 65535 {
		invalid("port", o.Port, "want 1 to 65535")
	}
	if o.CertDir == "" {
		invalid("cert-dir", o.CertDir, "want a folder with tls.crt and tls.key")
	}
	if _, ok := tlsVersions[o.TLSMinVersion]; !ok {
		invalid("tls-min-version", o.TLSMinVersion, "want VersionTLS12 or VersionTLS13")
	}
	if len(o.ClientAllowedNames) > 0 && o.ClientCAFile == "" {
		invalid("client-allowed-names", strings.Join(o.ClientAllowedNames, ","), "want --client-ca-file with it")
	}
	if o.ShutdownDelay < 0 {
		invalid("shutdown-delay", o.ShutdownDelay, "want 0s or more")
	}
	if o.ShutdownTimeout < o.ShutdownDelay {
		invalid("shutdown-timeout", o.ShutdownTimeout, "want --shutdown-delay, "+o.ShutdownDelay.String()+", or more")
	}
	if _, err := arch.ParseArchitectures(o.Architectures); err != nil {
		invalid("architectures", o.Architectures, err.Error())
	}
	switch admissionregistrationv1.ValidationAction(o.ValidationAction) {
	case admissionregistrationv1.Deny, admissionregistrationv1.Warn, admissionregistrationv1.Audit:
	default:
		invalid("validation-action", o.ValidationAction, "want Deny, Warn or Audit")
	}
	if msgs := validation.IsDNS1123Label(o.GoldenImagesNamespace); len(msgs) > 0 {
		invalid("golden-images-namespace", o.GoldenImagesNamespace, msgs[0])
	}
	return errors.Join(errs...)
}

// policy gives the options that decide about objects; they were validated.
func (o *Options) policy(metrics *admission.Metrics) (*admission.Policy, error) {
	accepted, err := arch.ParseArchitectures(o.Architectures)
	if err != nil {
		return nil, err
	}
	return &admission.Policy{
		Rules:            arch.Rules{Accepted: accepted, GoldenImagesNamespace: o.GoldenImagesNamespace},
		Action:           admissionregistrationv1.ValidationAction(o.ValidationAction),
		SSPOperatorUsers: o.SSPOperatorUsers,
		Metrics:          metrics,
	}, nil
}
