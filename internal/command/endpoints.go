package command

import (
	"errors"
	"fmt"
	"net"

	"github.com/spf13/pflag"
)

// Endpoints are where a server's probes and metrics are.
type Endpoints struct {
	// HealthProbeBindAddress is where /healthz and /readyz are served over
	// HTTP. Defaults to :8081.
	HealthProbeBindAddress string
	// MetricsBindAddress is where /metrics is served over HTTP. Defaults to
	// :8080; "0" turns it off.
	MetricsBindAddress string
}

// DefaultEndpoints returns the defaults.
func DefaultEndpoints() Endpoints {
	return Endpoints{HealthProbeBindAddress: ":8081", MetricsBindAddress: ":8080"}
}

// AddFlags adds a flag for each address.
func (e *Endpoints) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&e.HealthProbeBindAddress, "health-probe-bind-address", e.HealthProbeBindAddress, "address of /healthz and /readyz")
	fs.StringVar(&e.MetricsBindAddress, "metrics-bind-address", e.MetricsBindAddress, `address of /metrics; "0" for none`)
}

// Validate returns every invalid address.
func (e *Endpoints) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(e.HealthProbeBindAddress); err != nil {
		errs = append(errs, Invalid("health-probe-bind-address", e.HealthProbeBindAddress, "want host:port or :port"))
	}
	if _, _, err := net.SplitHostPort(e.MetricsBindAddress); err != nil && e.MetricsBindAddress != "0" {
		errs = append(errs, Invalid("metrics-bind-address", e.MetricsBindAddress, `want host:port, :port, or "0" for none`))
	}
	if e.MetricsBindAddress == e.HealthProbeBindAddress {
		errs = append(errs, Invalid("metrics-bind-address", e.MetricsBindAddress, "want another one than --health-probe-bind-address"))
	}
	return errors.Join(errs...)
}

// Invalid is the error about a flag's value, which says what would be accepted.
func Invalid(flag string, value any, accepted string) error {
	return fmt.Errorf("invalid value %q for --%s: %s", fmt.Sprint(value), flag, accepted)
}
