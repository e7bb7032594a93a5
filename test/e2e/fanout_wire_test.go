package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// wire is a proxy to the API server that sees what the audit log leaves out:
// the preconditions of a DELETE.
type wire struct {
	kubeconfig string
	mu         sync.Mutex
	deletes    map[string]string
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{deletes: map[string]string{}, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	target, err := url.Parse(env.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	// Without credentials of its own: the controller sends its token.
	transport, err := rest.TransportFor(&rest.Config{Host: env.Config.Host, TLSClientConfig: rest.TLSClientConfig{CAData: env.Config.CAData, CAFile: env.Config.CAFile}})
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport, proxy.FlushInterval = transport, -1
	// Over TLS, without which a kubeconfig's token is not sent.
	server := httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.note(r)
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	config, err := clientcmd.LoadFromFile(fanoutSetup.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range config.Clusters {
		c.Server, c.CertificateAuthorityData = server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	}
	if err := clientcmd.WriteToFile(*config, w.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *wire) note(r *http.Request) {
	if r.Method != http.MethodDelete {
		return
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var options metav1.DeleteOptions
	text := "no preconditions"
	if err := json.Unmarshal(body, &options); err != nil {
		text = err.Error()
	} else if p := options.Preconditions; p != nil && p.UID != nil && p.ResourceVersion != nil {
		text = fmt.Sprintf("uid %s resourceVersion %s", *p.UID, *p.ResourceVersion)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deletes[path.Base(r.URL.Path)] = text
}

// deleted gives the preconditions of the last DELETE of each name.
func (w *wire) deleted() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deletes
}

// timedEvent is an audit event with its times.
type timedEvent struct {
	event
	Received metav1.MicroTime `json:"requestReceivedTimestamp"`
	Done     metav1.MicroTime `json:"stageTimestamp"`
}

// pauses are the times from each deletion of a DataImportCron in the golden
// namespace, whoever deleted it, to the controller's next creation of it.
func (p *place) pauses(name string) []time.Duration {
	p.t.Helper()
	return p.pausesSince(name, time.Time{})
}

// pausesSince counts from since where nothing was deleted later.
func (p *place) pausesSince(name string, since time.Time) []time.Duration {
	p.t.Helper()
	p.answered()
	file, err := os.Open(env.auditLogPath)
	if err != nil {
		p.t.Fatal(err)
	}
	defer file.Close()
	var out []time.Duration
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return out // what is left is an event that is being written
		}
		var e timedEvent
		if err := json.Unmarshal(line, &e); err != nil {
			p.t.Fatalf("%v in %s", err, line)
		}
		if e.ObjectRef.Name != name || e.ObjectRef.Namespace != p.golden || e.ObjectRef.Resource != "dataimportcrons" || strings.Contains(e.RequestURI, "dryRun=") {
			continue
		}
		switch {
		case e.Verb == "delete" && e.ResponseStatus.Code == 200 && e.Done.After(since):
			since = e.Done.Time
		case e.Verb == "create" && e.ResponseStatus.Code == 201 && !since.IsZero() && e.Received.After(since):
			out = append(out, e.Received.Sub(since))
			since = time.Time{}
		}
	}
}
