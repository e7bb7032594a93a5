package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Formats of results.
const (
	formatText = "text"
	formatJSON = "json"
)

// common are the options of every mode that measures.
type common struct {
	// Webhook is the file of dicer's server. Its name has to be webhook: the file
	// is two commands. No default.
	Webhook string
	// Format is text or json. Defaults to text.
	Format string
}

func (c *common) addFlags(flags *flag.FlagSet) {
	flags.StringVar(&c.Webhook, "webhook", c.Webhook, "`file` of the webhook server")
	flags.Var(orDefault{&c.Format}, "o", "format of the result: text or json")
}

func (c *common) validate() error {
	if c.Webhook == "" {
		return usageError("-webhook is required: the file of the webhook server")
	}
	if info, err := os.Stat(c.Webhook); err != nil || info.IsDir() {
		return usageError(fmt.Sprintf("invalid value %q for -webhook: want a file; make builds it", c.Webhook))
	}
	return oneOf("o", c.Format, []string{formatText, formatJSON})
}

// parse reads flags; what is wrong with them is told once, by exitCode.
func parse(flags *flag.FlagSet, args []string, out io.Writer) error {
	flags.SetOutput(io.Discard)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return err
	case err != nil:
		return usageError(err.Error())
	case flags.NArg() > 0:
		return usageError(fmt.Sprintf("unexpected argument %q", flags.Arg(0)))
	}
	return nil
}

func oneOf(name, value string, accepted []string) error {
	if slices.Contains(accepted, value) {
		return nil
	}
	return usageError(fmt.Sprintf("invalid value %q for -%s: want %s", value, name, strings.Join(accepted, ", ")))
}

// orDefault is a text that keeps its default where it is set to nothing: make
// passes a variable that nobody set as the empty string.
type orDefault struct{ value *string }

func (o orDefault) String() string {
	if o.value == nil {
		return ""
	}
	return *o.value
}

func (o orDefault) Set(value string) error {
	if value != "" {
		*o.value = value
	}
	return nil
}

// texts reads a list of accepted texts.
func texts(name, value string, accepted []string) ([]string, error) {
	list := strings.Split(value, ",")
	for _, item := range list {
		if err := oneOf(name, item, accepted); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// numbers reads a list of numbers above zero, none of them above most.
func numbers(name, value string, most int) ([]int, error) {
	var list []int
	for _, item := range strings.Split(value, ",") {
		number, err := strconv.Atoi(item)
		if err != nil || number < 1 || number > most {
			return nil, usageError(fmt.Sprintf("invalid value %q for -%s: want numbers from 1 to %d, separated by commas", value, name, most))
		}
		list = append(list, number)
	}
	return list, nil
}
