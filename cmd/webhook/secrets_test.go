package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/test/cluster"
)

// The secrets are seeded where a review has nothing of the kind.
const (
	hidden       = "h1dd3n"
	hiddenNumber = 4815162342
)

// told are the fields whose value is told to who wrote it: in an answer that the
// API server passes on to him, and in the audit event of his write.
var told = regexp.MustCompile(`^\.request\.(uid|operation|object` +
	`(\.metadata\.(name|generateName|namespace|labels\["template\.kubevirt\.io/architecture"\])|\.spec\.managedDataSource` +
	`|\.spec\.commonTemplates\.dataImportCronTemplates\[0\](\.metadata\.(name|annotations\["ssp\.kubevirt\.io/dict\.architectures"\])|\.spec\.managedDataSource)))$`)

// seeded is a review with a secret in it.
type seeded struct {
	// at is the field that holds it; what tells how.
	at, what string
	body     []byte
}

// TestSecretsInObjectsAreNotTold seeds one in every field of the good reviews, of the
// right type and of wrong ones, with whole and with broken bodies, and sends each to
// every path of servers of each verbosity.
func TestSecretsInObjectsAreNotTold(t *testing.T) {
	var bodies []seeded
	for _, name := range []string{"dic", "update", "ssp"} {
		bodies = append(bodies, seeds(t, write(t, "<<"+name+">>"))...)
	}
	for _, args := range [][]string{nil, {"--zap-log-level=debug"}, {"--zap-log-level=10"}, {"--zap-devel", "--zap-log-level=10", "--zap-stacktrace-level=info"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			w := startAnother(t, args...)
			for _, path := range cluster.WebhookPaths {
				for _, s := range bodies {
					seek(t, w, path, s)
				}
			}
			seekInHead(t, w)
			log, err := w.Logs()
			if err != nil {
				t.Fatal(err)
			}
			noSecret(t, "the log", log)
			if len(args) > 0 && !strings.Contains(log, "refused") {
				t.Error("nothing is logged of what was refused")
			}
		})
	}
	t.Logf("%d reviews with a secret", len(bodies))
}

func startAnother(t *testing.T, args ...string) *cluster.Webhook {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	certificates, err := cluster.NewCertificates(filepath.Join(t.TempDir(), "certs"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := cluster.StartWebhook(context.WithoutCancel(t.Context()), cluster.WebhookOptions{
		Binary: binary, Certificates: certificates, LogDir: t.TempDir(), Env: []string{asCommand + "=1"}, Args: args,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Kill)
	return w
}

// seek sends a body. A status other than 200 never tells a secret; an answer to the
// writer only where it is of a field that is told.
func seek(t *testing.T, w *cluster.Webhook, path string, s seeded) {
	t.Helper()
	code, answer := post(t, w, path, bytes.NewReader(s.body), nil)
	name := fmt.Sprintf("%s: %s %s: status %d", path, s.at, s.what, code)
	if code != http.StatusOK {
		noSecret(t, name, answer)
		return
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal([]byte(answer), &review); err != nil || review.Response == nil {
		t.Errorf("%s: %v: %.200s", name, err, answer)
		return
	}
	// In base64 otherwise.
	answer += string(review.Response.Patch)
	if !told.MatchString(s.at) {
		noSecret(t, name, answer)
	}
}

// seekInHead has secrets where a request may have some beside its body.
func seekInHead(t *testing.T, w *cluster.Webhook) {
	t.Helper()
	for _, path := range []string{admission.SSPPath + "/" + hidden, "/" + hidden, admission.SSPPath + "?x=" + hidden, admission.DataImportCronMutatePath + "?" + hidden + "=%zz"} {
		for _, header := range []http.Header{nil, {"Content-Type": {hidden}}, {"Content-Type": {"application/json; " + hidden}}, {"Authorization": {"Bearer " + hidden}}, {hidden: {hidden}}} {
			code, answer := post(t, w, path, strings.NewReader(hidden), header)
			noSecret(t, fmt.Sprintf("%s with %v: status %d", path, header, code), answer)
		}
	}
}

func post(t *testing.T, w *cluster.Webhook, path string, body io.Reader, header http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.URL(path), body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	maps.Copy(req.Header, header)
	resp, err := http2.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func noSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{hidden, strconv.Itoa(hiddenNumber)} {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s tells a secret: %.300q", where, text[max(0, at-150):])
		}
	}
}

// seeds returns a review with a secret in each of its fields, in each way.
func seeds(t *testing.T, review string) []seeded {
	t.Helper()
	decode := func() (whole map[string]any) {
		if err := json.Unmarshal([]byte(review), &whole); err != nil {
			t.Fatal(err)
		}
		// What an API server sends besides.
		request := whole["request"].(map[string]any)
		request["userInfo"] = map[string]any{"username": "alice", "uid": "1", "groups": []any{"g"}, "extra": map[string]any{"k": []any{"v"}}}
		request["options"] = map[string]any{"kind": "CreateOptions", "fieldManager": "kubectl"}
		return whole
	}
	encode := func(whole any) []byte {
		body, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	var found []seeded
	for _, way := range []struct {
		what  string
		value any
	}{
		{"is a secret", hidden},
		{"is a secret number", hiddenNumber},
		{"is an object", map[string]any{hidden: hidden}},
		{"is a list", []any{hidden, hiddenNumber}},
	} {
		for i := 0; ; i++ {
			whole := decode()
			n := i
			at, ok := replaceField(whole, "", &n, way.value)
			if !ok {
				break
			}
			body := encode(whole)
			found = append(found, seeded{at, way.what, body})
			if at == ".request.object" || at == ".request.userInfo.username" {
				found = append(found,
					seeded{at, way.what + ", cut", body[:len(body)-5]},
					seeded{at, way.what + ", cut in the secret", body[:max(bytes.Index(body, []byte("h1d")), 0)+3]},
					seeded{at, way.what + ", not UTF-8", append(body, 0xff)})
			}
		}
	}
	return append(found, seeded{"", "no JSON", []byte(hidden)}, seeded{"", "a string", []byte(strconv.Quote(hidden))},
		seeded{"", "a number", []byte(strconv.Itoa(hiddenNumber))})
}

// replaceField replaces the nth field of a value, or adds one to an object, by its
// sorted names, and returns where it is.
func replaceField(value any, path string, n *int, with any) (at string, ok bool) {
	visit := func(at string, inner any, set func()) (string, bool) {
		if *n == 0 {
			set()
			return at, true
		}
		*n--
		return replaceField(inner, at, n, with)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, name := range append(slices.Sorted(maps.Keys(value)), hidden) {
			at := path + "." + name
			if strings.ContainsAny(name, "./") {
				at = fmt.Sprintf("%s[%q]", path, name)
			}
			if at, ok := visit(at, value[name], func() { value[name] = with }); ok {
				return at, true
			}
		}
	case []any:
		for i := range value {
			if at, ok := visit(fmt.Sprintf("%s[%d]", path, i), value[i], func() { value[i] = with }); ok {
				return at, true
			}
		}
	}
	return "", false
}
