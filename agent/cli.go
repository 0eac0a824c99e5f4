// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/vecino-edge/vecino/agent/config"
)

// The exit codes that scripts rely on.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitBusy    = 3
	exitRefused = 4
)

// stdio is what a verb reads and writes, handed in so that tests can look.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

func system() stdio {
	return stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}
}

// getenv looks a variable up; the last one of a name wins, as it does in a shell.
func (s stdio) getenv(name string) string {
	for i := len(s.environ) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(s.environ[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// failure is an error with the code that the process ends with and, for people,
// a hint what to do.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func usage(format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

func hint(err error, format string, args ...any) error {
	return &failure{code: exitFailed, err: err, hint: fmt.Sprintf(format, args...)}
}

// checkSetting refuses the value of a flag that the setting at path would not
// take.
func checkSetting(flag, path, value string) error {
	_, err := config.Load(config.Source{Flags: map[string]string{path: value}})
	var problem *config.Error
	if errors.As(err, &problem) {
		return usage("%s: %s", flag, problem.Reason)
	}
	return err
}

// run runs the command line and returns the exit code. It ends early, and in
// order, on SIGINT and SIGTERM.
func run(args []string, std stdio) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	return report(std.err, err)
}

// report tells people what went wrong and returns the exit code.
func report(w io.Writer, err error) int {
	f := &failure{code: exitFailed, err: err}
	errors.As(err, &f)
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "vecino: error: %s\n", strings.TrimSuffix(line, "\n"))
	}
	if f.hint != "" {
		fmt.Fprintf(w, "vecino: hint: %s\n", f.hint)
	}
	return f.code
}

// newRoot returns the whole command line.
func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "vecino",
		Short: "Devices that learn together with their neighbours, without a server",
		Long: "Vecino turns routers and small boards into a neighbourhood that learns from its own data,\n" +
			"without a server: updates travel signcrypted over any MQTT broker.",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return wrong(cmd, flagError(err)) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		demoCommand(std), runCommand(std), initCommand(std), statusCommand(std), peersCommand(std),
		learnCommand(std), keyCommand(std), configCommand(std), bugreportCommand(std), versionCommand(std), completionCommand(),
	)
	strictArgs(root)
	return root
}

// helpCommand is `vecino help`, which unlike that of the library knows when it
// cannot help.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "Show the help of a verb", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil {
				return wrong(c, err)
			}
			if len(rest) > 0 {
				return unknownVerb(about, rest[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// strictArgs turns every complaint about arguments into wrong usage, and a verb
// that has only sub-verbs into one that says so.
func strictArgs(cmd *cobra.Command) {
	check := cmd.Args
	cmd.Args = func(c *cobra.Command, args []string) error {
		if c.HasSubCommands() && len(args) > 0 {
			return unknownVerb(c, args[0])
		}
		if check != nil && check(c, args) != nil {
			return wrong(c, argumentError(c, args))
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		strictArgs(sub)
	}
}

// wrong says that a verb was called in a wrong way.
func wrong(c *cobra.Command, err error) error {
	if c.HasParent() {
		err = fmt.Errorf("%s: %w", strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" "), err)
	}
	return &failure{code: exitUsage, err: err, hint: "see " + c.CommandPath() + " --help"}
}

func unknownVerb(c *cobra.Command, name string) error {
	err := wrong(c, fmt.Errorf("unknown verb %q", name)).(*failure)
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(name); len(near) > 0 {
		err.hint = "did you mean " + c.CommandPath() + " " + near[0] + "?"
	}
	return err
}

// argumentError compares the arguments with those that the verb's line of usage
// names.
func argumentError(c *cobra.Command, args []string) error {
	_, want, _ := strings.Cut(c.Use, " ")
	given := "nothing"
	if len(args) > 0 {
		given = strconv.Quote(strings.Join(args, " "))
	}
	if want == "" {
		return fmt.Errorf("no argument is wanted, %s is given", given)
	}
	return fmt.Errorf("%s is wanted, %s is given", want, given)
}

// flagError strips the name of the function that could not read a flag's value.
func flagError(err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) {
		return errors.New(strings.Replace(err.Error(), number.Error(), number.Err.Error(), 1))
	}
	return err
}

// group returns a verb that has only sub-verbs.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return wrong(cmd, errors.New("a verb is missing"))
	}}
	c.AddCommand(subs...)
	return c
}

// writeJSON writes one object on one line.
func writeJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
