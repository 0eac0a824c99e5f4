// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/agent/control"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/live"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/fl/node"
)

// statusInfo is what `vecino status --json` prints.
type statusInfo struct {
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	Health     healthInfo        `json:"health"`
	Board      boardInfo         `json:"board"`
	Uptime     float64           `json:"uptime_seconds"`
	Neighbours []neighbourInfo   `json:"neighbours"`
	Members    []string          `json:"members"`
	Learning   *learn.Status     `json:"learning"` // the first of the tasks
	Tasks      []learn.Status    `json:"tasks"`
	Live       *live.Status      `json:"live"` // null where nothing is scored live
	Refused    map[string]uint64 `json:"refused"`
	Traffic    bus.Counters      `json:"traffic"`
	Update     *struct{}         `json:"update"` // comes with signed updates
	Model      *struct{}         `json:"model"`  // comes with the language model
}

type healthInfo struct {
	State    string   `json:"state"` // ok, alone or degraded
	Warnings []string `json:"warnings"`
}

type boardInfo struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`

	// What the board tells of itself; a field is left out where it does not.
	Temperature *float64 `json:"temperature,omitempty"` // °C
	Load        *float64 `json:"load,omitempty"`        // of one minute, over the CPUs
	Battery     *float64 `json:"battery,omitempty"`     // level, 0..1
	OnBattery   *bool    `json:"on_battery,omitempty"`
	Throttled   string   `json:"throttled,omitempty"` // why it makes itself slower
}

func thisBoard() boardInfo {
	return boardInfo{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
}

type neighbourInfo struct {
	Pseudonym string    `json:"pseudonym"`
	Present   bool      `json:"present"`
	Since     time.Time `json:"since"`
	Heard     time.Time `json:"heard"`
	Opened    uint64    `json:"opened"`
	Known     bool      `json:"recognised"`

	Reputation *float32 `json:"reputation"` // 0 to 1; null where no task judges it
	Weight     *float32 `json:"weight"`     // of its model in the mix; null where none is mixed
}

// addVerbs fills the table that the command line, the page and, later, the
// owner's plane share.
func (d *device) addVerbs() {
	d.table.Add("status", func(context.Context, json.RawMessage) (any, error) { return d.status(), nil })
	d.table.Add("peers/list", func(context.Context, json.RawMessage) (any, error) { return d.peers(), nil })
	d.table.Add("peers/invite", control.Typed(d.invite))
	d.table.Add("peers/admit", control.Typed(d.admit))
	d.table.Add("peers/remove", control.Typed(d.remove))
	d.table.Add("peers/leave", control.Typed(d.leave))
	d.table.Add("learn/status", func(context.Context, json.RawMessage) (any, error) { return d.tasks(), nil })
	d.table.Add("learn/start", control.Typed(d.learnStart))
	d.table.Add("learn/stop", control.Typed(d.learnStop))
	d.table.Add("learn/export", control.Typed(d.learnExport))
	d.table.Add("learn/import", control.Typed(d.learnImport))
	d.addIssuerVerbs()
}

func (d *device) status() statusInfo {
	tasks := d.tasks()
	s := statusInfo{
		Name: d.cfg.Name, Version: release, Uptime: time.Since(d.began).Seconds(),
		Board:    boardNow(d.power.probe),
		Learning: tasks.first(), Tasks: tasks.Tasks, Live: d.liveStatus(), Refused: d.member.Refused(), Traffic: d.links.counters(),
		Neighbours: d.neighbours(), Members: d.members(),
	}
	s.Health = d.health(s.Neighbours, s.Tasks)
	return s
}

// health sums the device up in a word and says in sentences what is not well.
func (d *device) health(neighbours []neighbourInfo, tasks []learn.Status) healthInfo {
	h := healthInfo{State: "ok", Warnings: []string{}}
	warn := func(s string) { h.State = "degraded"; h.Warnings = append(h.Warnings, s) }
	connection, problem := d.links.connection()
	if connection != bus.Connected.String() {
		text := "the broker is not connected (" + connection + ")"
		if problem != nil {
			text += ": " + problem.Error()
		}
		warn(text)
	}
	if all, _ := d.member.Present(); len(all) == 0 && len(h.Warnings) == 0 {
		warn("no keys for this epoch yet; " + d.whoIsSilent())
	}
	for _, l := range tasks {
		if l.State == learn.Failed {
			warn("task " + l.Name + " failed: " + l.Error)
		}
	}
	if l := d.liveStatus(); l != nil && l.Problem != "" {
		warn("no live samples: " + l.Problem)
	}
	if h.State == "ok" && !slices.ContainsFunc(neighbours, func(n neighbourInfo) bool { return n.Present }) {
		h.State = "alone"
	}
	return h
}

// whoIsSilent names the issuers that keep this device waiting for keys.
func (d *device) whoIsSilent() string {
	var names []string
	for _, index := range d.member.SilentIssuers() {
		names = append(names, strconv.Itoa(int(index)))
	}
	switch len(names) {
	case 0:
		return "the issuers have not answered"
	case 1:
		return "issuer " + names[0] + " does not answer"
	}
	return "issuers " + strings.Join(names, ", ") + " do not answer"
}

func (d *device) neighbours() []neighbourInfo {
	out, standing := []neighbourInfo{}, d.learner.Standing()
	for _, n := range d.member.Neighbours() {
		out = append(out, neighbourInfo{
			Pseudonym: hex.EncodeToString(n.PID[:]), Present: n.Present, Since: n.Since, Heard: n.Heard, Opened: n.Opened, Known: n.Known,
			Reputation: standing[n.PID].Reputation, Weight: standing[n.PID].Weight,
		})
	}
	slices.SortFunc(out, func(a, b neighbourInfo) int { return strings.Compare(a.Pseudonym, b.Pseudonym) })
	return out
}

func (d *device) members() []string { return namesOf(d.member.Charter()) }

// peersInfo is what `vecino peers list --json` prints.
type peersInfo struct {
	Members    []string        `json:"members"`
	Neighbours []neighbourInfo `json:"neighbours"`
	Waiting    []waitingInfo   `json:"waiting"`
	Generation uint32          `json:"generation"`
	Issuer     bool            `json:"issuer"`
}

type waitingInfo struct {
	Name string `json:"name"`
	Code string `json:"code"`
}

func (d *device) peers() peersInfo {
	p := peersInfo{
		Members: d.members(), Neighbours: d.neighbours(), Waiting: []waitingInfo{},
		Generation: d.member.Charter().Gen, Issuer: d.member.Keeper() != nil,
	}
	if k := d.member.Keeper(); k != nil {
		for _, g := range k.Waiting() {
			p.Waiting = append(p.Waiting, waitingInfo{g.Name, door.AdmitCode(g.Ed25519)})
		}
	}
	return p
}

type inviteArgs struct {
	Minutes int `json:"minutes"`
}

type inviteInfo struct {
	Code    string    `json:"code"`
	Broker  string    `json:"broker"`
	Expires time.Time `json:"expires"`
}

var errNotIssuer = control.Errorf(control.Refused, "this device is no issuer of its neighbourhood").
	WithHint("ask the owner of a device that is: the one that founded it")

// maxInvite bounds how long an invite lasts.
const maxInviteMinutes = 7 * 24 * 60

func (d *device) invite(ctx context.Context, a inviteArgs) (any, error) {
	keeper := d.member.Keeper()
	if keeper == nil {
		return nil, errNotIssuer
	}
	if a.Minutes < 1 || a.Minutes > maxInviteMinutes {
		return nil, control.Errorf(control.Usage, "an invite lasts 1 to %d minutes", maxInviteMinutes)
	}
	url, pin, err := d.inviteAddress(ctx)
	if err != nil {
		return nil, err
	}
	i, err := keeper.Invite(time.Duration(a.Minutes) * time.Minute)
	if err != nil {
		return nil, err
	}
	i.Broker, i.Pin = url, pin
	i.Username, i.Password = d.links.options.Username, d.links.options.Password.Reveal()
	return inviteInfo{Code: i.Code(), Broker: url, Expires: time.Unix(int64(i.Expiry), 0)}, nil
}

type admitArgs struct {
	Code string `json:"code"`
}

func (d *device) admit(_ context.Context, a admitArgs) (any, error) {
	keeper := d.member.Keeper()
	if keeper == nil {
		return nil, errNotIssuer
	}
	name, err := keeper.Admit(a.Code)
	if err != nil {
		return nil, err
	}
	return map[string]string{"admitted": name}, nil
}

// leave erases what makes the device a member and ends it.
func (d *device) leave(_ context.Context, a struct {
	Force bool `json:"force"`
}) (any, error) {
	if err := d.mayLeave(); err != nil && !a.Force {
		return nil, err
	}
	d.left(errLeft)
	return map[string]bool{"left": true}, nil
}

// mayLeave says what the others lose with this device, where it is an issuer.
func (d *device) mayLeave() error {
	c := d.member.Charter()
	switch {
	case d.member.Keeper() == nil || len(c.Members) == 1:
		return nil
	case len(c.Issuers) == 1:
		return control.Errorf(control.Refused, "this device is the only issuer: without it the %d other members get no keys in the next epoch", len(c.Members)-1).
			WithHint("--force leaves all the same")
	}
	return control.Errorf(control.Refused, "this device is one of %d issuers, of whom %d sign", len(c.Issuers), c.T).
		WithHint("vecino key issuer refresh --without on another of them lets this one go; --force leaves all the same")
}

func (d *device) tasks() tasksInfo { return tasksInfo{Tasks: d.learner.Statuses()} }

func (d *device) learnStart(_ context.Context, a taskArgs) (any, error) {
	s, err := d.startTask(&a)
	var told *learn.PrivacyError
	switch {
	case errors.As(err, &told):
		return nil, control.Errorf(control.Refused, "%v", err).WithHint(learn.PrivacyAdvice)
	case errors.Is(err, learn.ErrBusy):
		return nil, control.Errorf(control.Busy, "%v", err)
	case errors.Is(err, node.ErrTask):
		return nil, control.Errorf(control.Usage, "%v", err)
	case errors.Is(err, learn.ErrSignature):
		return nil, control.Errorf(control.Refused, "%v", err).WithHint("sign the task anew: vecino learn sign")
	case err != nil:
		return nil, err
	}
	return s, nil
}

func (d *device) startTask(a *taskArgs) (*learn.Status, error) {
	if len(a.Signed) > 0 {
		return d.learner.StartSigned(a.Signed)
	}
	p, err := a.plan()
	if err != nil {
		return nil, control.Errorf(control.Usage, "%v", err)
	}
	return d.learner.Start(*p)
}

func (d *device) learnStop(_ context.Context, a struct {
	Name string `json:"name"`
}) (any, error) {
	s, err := d.learner.Stop(a.Name)
	if err != nil {
		return nil, err
	}
	return s, nil
}
