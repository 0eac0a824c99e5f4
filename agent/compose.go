// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/control"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/agent/live"
	"github.com/vecino-edge/vecino/agent/neighbour"
	"github.com/vecino-edge/vecino/agent/web"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/fl/dataset"
	"golang.org/x/sync/errgroup"
)

// device is an agent put together: every room it needs, and how they hang on
// one another.
type device struct {
	cfg     *config.Config
	home    *home
	log     *slog.Logger
	began   time.Time
	broker  *broker.Broker // nil unless it runs here
	links   *links
	member  *neighbour.Member
	issuing *issuing
	learner *learn.Service
	power   *power
	table   control.Table
	left    context.CancelCauseFunc // ends the device for good
	ring    *door.Keyring
	live    *live.Service // nil unless samples are scored live
	plane   *bus.Plane    // of the owner; likewise
}

// deviceOptions are what differs between the agent and a device of the demo.
type deviceOptions struct {
	load func() (*learn.Data, error) // nil: the folder fl.data
	seed uint64                      // of the order of rows; 0: drawn
}

// newDevice puts a device together that is in a neighbourhood. It starts
// nothing but the embedded broker, so that its address is known.
func newDevice(cfg *config.Config, h *home, log *slog.Logger, o deviceOptions) (*device, error) {
	if missing := h.missing(); len(missing) > 0 {
		if h.has(fileCharter) {
			return nil, h.damaged(missing[0], "is missing")
		}
		return nil, hint(errors.New("this device is in no neighbourhood yet"),
			"vecino init --found begins one, vecino init --join CODE enters one")
	}
	d := &device{cfg: cfg, home: h, log: log, began: time.Now()}
	if err := d.openBroker(); err != nil {
		return nil, err
	}
	if err := d.openMember(); err != nil {
		d.close()
		return nil, err
	}
	if err := d.openLive(); err != nil {
		d.close()
		return nil, err
	}
	if err := d.openLearner(o); err != nil {
		d.close()
		return nil, err
	}
	d.addVerbs()
	return d, nil
}

// close ends what newDevice started, in the opposite order.
func (d *device) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if d.issuing != nil {
		if err := d.issuing.close(); err != nil {
			d.log.Warn("journal not closed", "err", err)
		}
	}
	if d.broker != nil {
		if err := d.broker.Close(ctx); err != nil {
			d.log.Warn("broker not closed", "err", err)
		}
	}
}

// openBroker starts the embedded broker where one is asked for.
func (d *device) openBroker() error {
	c := &d.cfg.Broker
	o, err := brokerOptions(c, d.home.dir.Root())
	if err != nil {
		return err
	}
	if c.Listen != "" {
		d.broker, err = broker.Start(broker.Options{
			Listen: c.Listen, Username: c.Username, Password: o.Password, Logger: d.log.With("room", "broker"),
		})
		if err != nil {
			return err
		}
		if c.URL == "" {
			_, port, _ := net.SplitHostPort(d.broker.Addr().String())
			o.URL = "mqtt://" + net.JoinHostPort("127.0.0.1", port)
		}
	}
	if o.URL == "" {
		return hint(errors.New("no broker is named"), "set broker.url in the configuration file, or broker.listen to run one here")
	}
	d.links = newLinks(o, d.log.With("room", "bus"))
	return nil
}

// openMember makes the device a member, and an issuer where it has the keys.
func (d *device) openMember() error {
	id, err := d.home.identity()
	if err != nil {
		return err
	}
	signed, _, err := d.home.charter()
	if err != nil {
		return err
	}
	d.issuing = &issuing{d: d}
	if d.ring, err = d.home.ring(); err != nil {
		return err
	}
	o := neighbour.Options{
		Identity: id, Ring: d.ring, Charter: signed, SaveCharter: d.home.SaveCharter, Keys: d.home.epochKeys(), State: d.home.secrets(),
		Dial: d.links.dial, Rand: rand.Reader, Log: d.log.With("room", "neighbour"),
		Now: machineClock, Issuing: d.issuing, Strict: d.cfg.Policy == config.PolicyStrict,
	}
	o.Unlinkable = d.cfg.Neighbours.Unlinkable == config.FromNeighbours
	if d.cfg.Neighbours.Cover == config.CoverOff {
		o.Cover = neighbour.CoverOff
	}
	d.member, err = neighbour.New(o)
	var file *neighbour.FileError
	if errors.As(err, &file) {
		return hint(fmt.Errorf("%s is damaged: %w", d.home.path(file.Name), file.Err), "%s", file.Remedy)
	}
	return err
}

func (d *device) openLearner(o deviceOptions) (err error) {
	probe, meter := thisMachine()
	if d.power, err = newPower(&d.cfg.Power, probe, meter, d.log.With("room", "power")); err != nil {
		return err
	}
	load := o.load
	if load == nil {
		load = func() (*learn.Data, error) { return deviceData(config.ResolvePath(d.home.dir.Root(), d.cfg.FL.Data)) }
	}
	if o.seed == 0 {
		var b [8]byte
		rand.Read(b[:])
		o.seed = binary.BigEndian.Uint64(b[:])
	}
	lo := learn.Options{
		Member: d.member, Files: d.home.dir, Load: load, Accept: d.cfg.FL.Tasks != config.TasksRefuse,
		Signed: d.cfg.FL.Tasks == config.TasksSigned, Keys: d.owners(),
		CheckpointEvery: d.cfg.FL.CheckpointEvery, Seed: o.seed, Rand: rand.Reader,
		Log: d.log.With("room", "learn"), Gate: d.power.allowed, Meter: d.power.begin,
		DataSet: dataSet(d.home, d.cfg), Epsilon: ownEpsilon(&d.cfg.FL),
	}
	d.hookLive(&lo, o.load == nil && d.cfg.FL.Data == "")
	d.learner = learn.New(lo)
	return nil
}

// loadData reads a data folder as its schema.toml says.
func loadData(dir string) (*learn.Data, error) {
	if dir == "" {
		return nil, learn.ErrNoData
	}
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the data folder %s is not there; it holds train.csv and test.csv", dir)
	} else if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("the data folder %s is a file; name the folder that holds train.csv and test.csv", dir)
	}
	schema, err := config.ReadDataSchema(filepath.Join(dir, "schema.toml"))
	if err != nil {
		return nil, err
	}
	if schema == nil {
		schema = &dataset.Schema{}
	}
	train, test, err := dataset.Load(os.DirFS(dir), *schema, dataset.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &learn.Data{Train: train, Test: test, Scale: schema.Scale}, nil
}

// errLeft ends a device that has left its neighbourhood.
var errLeft = errors.New("this device has left its neighbourhood")

// run lets the device live until ctx ends. Listeners serve its verbs.
func (d *device) run(ctx context.Context, listeners ...net.Listener) error {
	ctx, d.left = context.WithCancelCause(ctx)
	defer d.left(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.member.Run(ctx) })
	g.Go(func() error { return d.learner.Run(ctx) })
	d.runLive(ctx, g)
	if len(listeners) > 0 {
		server := &web.Server{Table: &d.table, Log: d.log.With("room", "web")}
		g.Go(func() error { return server.Serve(ctx, listeners...) })
	}
	err := g.Wait()
	if errors.Is(context.Cause(ctx), errLeft) {
		return errLeft
	}
	return err
}

// inviteAddress returns how others reach the broker that this device uses.
func (d *device) inviteAddress(ctx context.Context) (url string, pin []byte, err error) {
	url = d.cfg.Broker.URL
	if url == "" && d.broker != nil {
		host, port, err := net.SplitHostPort(d.broker.Addr().String())
		if err != nil {
			return "", nil, err
		}
		if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
			if host, err = localAddress(); err != nil {
				return "", nil, err
			}
		}
		url = "mqtt://" + net.JoinHostPort(host, port)
	}
	sum, ok, err := bus.PeerPin(ctx, d.links.options)
	if err != nil {
		return "", nil, fmt.Errorf("look at the broker's certificate: %w", err)
	}
	if ok {
		pin = sum[:]
	}
	return url, pin, nil
}

// localAddress returns the device's address on the local network.
func localAddress() (string, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("look up this device's address: %w", err)
	}
	var loopback string
	for _, a := range addrs {
		ip, ok := a.(*net.IPNet)
		switch {
		case !ok || ip.IP.To4() == nil || ip.IP.IsLinkLocalUnicast():
		case ip.IP.IsLoopback():
			loopback = ip.IP.String()
		default:
			return ip.IP.String(), nil
		}
	}
	if loopback == "" {
		return "", errors.New("this device has no IPv4 address; set broker.url to how others reach its broker")
	}
	return loopback, nil
}
