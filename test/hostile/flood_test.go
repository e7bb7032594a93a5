//go:build chaos

package hostile

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// client keeps one connection for each caller of the attack.
func (a *attacker) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 1000,
		DialContext:         a.dialer.DialContext,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
	}}
}

// do sends a request. Any status but 200 is an error.
func do(client *http.Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

// handshakes makes connections as fast as it can.
func handshakes(a *attacker) {
	a.callers(100, 0, func() error {
		_, done, err := a.dialTLS("http/1.1")
		if err != nil {
			return err
		}
		done()
		return nil
	})
}

// requests sends good ones as fast as it can.
func requests(a *attacker) {
	client := a.client()
	a.callers(100, 0, func() error {
		a.requests.Add(1)
		req, err := http.NewRequestWithContext(a.ctx, http.MethodPost, "https://"+a.address+reviewPath, strings.NewReader(review))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		return do(client, req)
	})
}
