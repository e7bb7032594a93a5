package lint

import (
	"io"
	"net/url"
	"path/filepath"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/rulebook"
	"github.com/dicer-dev/dicer/internal/command"
)

// The parts of SARIF 2.1.0 (OASIS) that are written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		// ColumnKind says what columns count: characters, not UTF-16's units.
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string    `json:"id"`
		ShortDescription     sarifText `json:"shortDescription"`
		FullDescription      sarifText `json:"fullDescription"`
		Help                 sarifText `json:"help"`
		DefaultConfiguration struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		PhysicalLocation struct {
			ArtifactLocation struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region struct {
				StartLine   int `json:"startLine"`
				StartColumn int `json:"startColumn"`
			} `json:"region"`
		} `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
)

func (r *Report) writeSARIF(w io.Writer) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "kubectl-dicer", Version: command.Version(), InformationURI: "https://github.com/dicer-dev/dicer"}
	index := map[string]int{}
	for i, e := range rulebook.All() {
		rule := sarifRule{ID: string(e.Rule), ShortDescription: sarifText{e.Summary}, FullDescription: sarifText{e.Why}, Help: sarifText{e.Fix}}
		rule.DefaultConfiguration.Level = string(e.Severity) // the words are SARIF's too
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
		index[rule.ID] = i
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, f.sarif(index))
	}
	return encode(w, sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func (f Finding) sarif(index map[string]int) sarifResult {
	var at sarifLocation
	at.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: filepath.ToSlash(f.File)}).String()
	at.PhysicalLocation.Region.StartLine, at.PhysicalLocation.Region.StartColumn = f.Line, f.Column
	at.LogicalLocations = []sarifLogical{{f.Object + ": " + f.Field}}
	return sarifResult{
		RuleID: string(f.Rule), RuleIndex: index[string(f.Rule)], Level: string(f.Severity),
		Message: sarifText{f.Message + " (fix: " + f.Suggestion + ")"}, Locations: []sarifLocation{at},
	}
}
