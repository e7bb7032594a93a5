package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"unicode/utf16"

	"sigs.k8s.io/yaml"
)

// badRequest is one of those in testdata/bad/*.yaml, and what is answered.
type badRequest struct {
	// Name tells what is odd about it.
	Name string `json:"name"`
	// Method is POST where it is empty.
	Method string `json:"method"`
	// Path is that of the file, else of the DataImportCrons' mutation, where it
	// is empty. A template, as are Body and Connection: see write.
	Path string `json:"path"`
	// Headers are set besides Content-Type: application/json; null sends none.
	Headers map[string]*string `json:"headers"`
	Body    string             `json:"body"`
	// Connection is all that is sent on a connection, in place of the above.
	Connection *string `json:"connection"`
	// Plain sends it without TLS.
	Plain bool `json:"plain"`
	// Want has a line for each answer: see describe. None where the connection
	// is closed without one.
	Want string `json:"want"`
}

// badRequests reads all files of testdata/bad, by their names.
func badRequests(t *testing.T) map[string][]badRequest {
	t.Helper()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no requests in testdata/bad: %v", err)
	}
	groups := map[string][]badRequest{}
	for _, file := range files {
		var group struct {
			Path string `json:"path"`
			// Answers are those that many requests want.
			Answers  []string     `json:"answers"`
			Requests []badRequest `json:"requests"`
		}
		if err := yaml.UnmarshalStrict(readFile(t, file), &group); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range group.Requests {
			r := &group.Requests[i]
			if r.Path == "" {
				r.Path = group.Path
			}
			if r.Path == "" {
				r.Path = "/mutate/dataimportcron"
			}
			if r.Method == "" {
				r.Method = "POST"
			}
		}
		groups[strings.TrimSuffix(filepath.Base(file), ".yaml")] = group.Requests
	}
	return groups
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// write executes a template, between << and >>. dic, update and ssp are the good
// reviews of those files.
func write(t *testing.T, text string) string {
	t.Helper()
	good := func(name string) func() string {
		return func() string { return strings.TrimSpace(string(readFile(t, "testdata/bad/"+name+".json"))) }
	}
	parsed, err := template.New("").Delims("<<", ">>").Funcs(template.FuncMap{
		"dic": good("dic"), "update": good("update"), "ssp": good("ssp"),
		"replace": replace, "cut": func(n int, text string) string { return text[:n] }, "until": until,
		"repeat": func(n int, text string) string { return strings.Repeat(text, n) },
		"add":    func(a, b int) int { return a + b },
		"utf16":  toUTF16, "gzip": compress, "chunks": chunks,
	}).Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := parsed.Execute(&out, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// replace replaces what is in text once.
func replace(old, with, text string) (string, error) {
	if n := strings.Count(text, old); n != 1 {
		return "", fmt.Errorf("%.80q is there %d times; want it once", old, n)
	}
	return strings.Replace(text, old, with, 1), nil
}

// until cuts text after what is in it once.
func until(end, text string) (string, error) {
	if n := strings.Count(text, end); n != 1 {
		return "", fmt.Errorf("%q is there %d times; want it once", end, n)
	}
	return text[:strings.Index(text, end)+len(end)], nil
}

func toUTF16(text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return string(out)
}

func compress(text string) (string, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		return "", err
	}
	err := w.Close()
	return out.String(), err
}

// chunks gives each byte a chunk of its own.
func chunks(text string) string {
	var out strings.Builder
	for i := range len(text) {
		out.WriteString("1;x=y\r\n" + text[i:i+1] + "\r\n")
	}
	return out.String()
}
