package app

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/dicer-dev/dicer/internal/command"
	"github.com/dicer-dev/dicer/pkg/arch"
	"github.com/dicer-dev/dicer/pkg/fanout"
)

// The values of --templates.
const (
	templatesAnnotated = "annotated"
	templatesAll       = "all"
)

// Options are the settings of the fan-out controller.
type Options struct {
	// Kubeconfig names a file that says how to reach the API server. Empty by
	// default: the pod's ServiceAccount, else the user's own kubeconfig.
	Kubeconfig string
	command.Endpoints
	// LeaderElection is who of several replicas works.
	LeaderElection LeaderElection
	// Architectures are accepted, separated by commas. Defaults to
	// amd64,arm64,s390x.
	Architectures string
	// GoldenImagesNamespace is where a template without a namespace gets its
	// DataImportCrons. Defaults to kubevirt-os-images.
	GoldenImagesNamespace string
	// TargetNamespaces are further namespaces that may be written to. None by
	// default.
	TargetNamespaces []string
	// SSPNamespaces are those whose SSPs count. Empty by default: all.
	SSPNamespaces []string
	// Templates is annotated or all. Defaults to annotated.
	Templates string
	// RecreateDelay is how long the name of a deleted DataImportCron stays
	// empty: its CronJob, which CDI deletes in its own time, has the same
	// name. Defaults to 10 s.
	RecreateDelay time.Duration
	// Log are controller-runtime's logging options. Defaults to JSON at level
	// info.
	Log zap.Options
}

// LeaderElection are the settings that Kubernetes' own components have too.
type LeaderElection struct {
	// LeaderElect defaults to true.
	LeaderElect bool
	// ResourceNamespace is where the Lease is. Empty by default: the pod's own
	// namespace.
	ResourceNamespace string
	// LeaseDuration is how long a silent leader stays leader. Defaults to 15 s.
	LeaseDuration time.Duration
	// RenewDeadline is when a leader that cannot renew gives up. Defaults to
	// 10 s.
	RenewDeadline time.Duration
	// RetryPeriod is the pause between two tries. Defaults to 2 s.
	RetryPeriod time.Duration
}

// NewOptions returns the defaults.
func NewOptions() *Options {
	return &Options{
		Endpoints: command.DefaultEndpoints(),
		LeaderElection: LeaderElection{
			LeaderElect: true, LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
		},
		Architectures:         arch.DefaultArchitectures().List(),
		GoldenImagesNamespace: arch.DefaultGoldenImagesNamespace,
		Templates:             templatesAnnotated,
		RecreateDelay:         10 * time.Second,
	}
}

// AddFlags adds a flag for each option.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig, "kubeconfig to use; empty: the pod's ServiceAccount, else the user's own")
	o.Endpoints.AddFlags(fs)
	fs.StringVar(&o.Architectures, "architectures", o.Architectures, "accepted architectures; the webhook's are the same")
	fs.StringVar(&o.GoldenImagesNamespace, "golden-images-namespace", o.GoldenImagesNamespace, "namespace of templates that name none")
	fs.StringSliceVar(&o.TargetNamespaces, "target-namespaces", o.TargetNamespaces, "further namespaces that may be written to")
	fs.StringSliceVar(&o.SSPNamespaces, "ssp-namespaces", o.SSPNamespaces, "namespaces whose SSPs count; empty: all")
	fs.StringVar(&o.Templates, "templates", o.Templates, "annotated: those with a list; all: those without one too, where no SSP operator runs")
	fs.DurationVar(&o.RecreateDelay, "recreate-delay", o.RecreateDelay, "how long the name of a deleted DataImportCron stays empty before it is created anew")
	o.LeaderElection.addFlags(fs)
	goFlags := flag.NewFlagSet("", flag.ContinueOnError)
	o.Log.BindFlags(goFlags)
	fs.AddGoFlagSet(goFlags)
}

func (l *LeaderElection) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&l.LeaderElect, "leader-elect", l.LeaderElect, "work only while holding the Lease")
	fs.StringVar(&l.ResourceNamespace, "leader-elect-resource-namespace", l.ResourceNamespace, "namespace of the Lease; empty: the pod's own")
	fs.DurationVar(&l.LeaseDuration, "leader-elect-lease-duration", l.LeaseDuration, "how long a silent leader stays leader")
	fs.DurationVar(&l.RenewDeadline, "leader-elect-renew-deadline", l.RenewDeadline, "when a leader that cannot renew the Lease gives up")
	fs.DurationVar(&l.RetryPeriod, "leader-elect-retry-period", l.RetryPeriod, "pause between two tries to get or renew the Lease")
}

// Validate returns every invalid option, by its flag's name.
func (o *Options) Validate() error {
	errs := []error{o.Endpoints.Validate()}
	invalid := func(name string, value any, accepted string) {
		errs = append(errs, command.Invalid(name, value, accepted))
	}
	if _, err := arch.ParseArchitectures(o.Architectures); err != nil {
		invalid("architectures", o.Architectures, err.Error())
	}
	for flag, names := range map[string][]string{
		"golden-images-namespace": {o.GoldenImagesNamespace}, "target-namespaces": o.TargetNamespaces, "ssp-namespaces": o.SSPNamespaces,
	} {
		for _, name := range names {
			if msgs := validation.IsDNS1123Label(name); len(msgs) > 0 {
				invalid(flag, name, msgs[0])
			}
		}
	}
	if o.Templates != templatesAnnotated && o.Templates != templatesAll {
		invalid("templates", o.Templates, "want annotated or all")
	}
	if o.RecreateDelay < 0 {
		invalid("recreate-delay", o.RecreateDelay, "want 0s or more")
	}
	return errors.Join(append(errs, o.LeaderElection.validate())...)
}

// validate holds client-go's rules, which it checks by a panic.
func (l *LeaderElection) validate() error {
	switch {
	case l.RetryPeriod <= 0:
		return fmt.Errorf("invalid value %q for --leader-elect-retry-period: want more than 0s", l.RetryPeriod)
	case l.RenewDeadline <= l.RetryPeriod*6/5:
		return fmt.Errorf("invalid value %q for --leader-elect-renew-deadline: want more than 1.2 times --leader-elect-retry-period (%s)", l.RenewDeadline, l.RetryPeriod)
	case l.LeaseDuration <= l.RenewDeadline:
		return fmt.Errorf("invalid value %q for --leader-elect-lease-duration: want more than --leader-elect-renew-deadline (%s)", l.LeaseDuration, l.RenewDeadline)
	default:
		return nil
	}
}

// planner gives the options that decide what is wanted; they were validated.
func (o *Options) planner() (*fanout.Planner, error) {
	accepted, err := arch.ParseArchitectures(o.Architectures)
	if err != nil {
		return nil, err
	}
	namespaces := map[string]bool{o.GoldenImagesNamespace: true}
	for _, name := range o.TargetNamespaces {
		namespaces[name] = true
	}
	return &fanout.Planner{
		Rules:      arch.Rules{Accepted: accepted, GoldenImagesNamespace: o.GoldenImagesNamespace},
		All:        o.Templates == templatesAll,
		Namespaces: namespaces,
	}, nil
}
