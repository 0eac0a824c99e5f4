// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/dataset/digits"
	"github.com/vecino-edge/vecino/fl/model"
)

const (
	envDevice  = "VECINO_TEST_LIVE" // a mode: the test binary is the device of the benchmark
	benchTopic = "bench/sample"
)

// TestMain makes the test binary the device of the benchmark, where that asks for it.
func TestMain(m *testing.M) {
	if mode := os.Getenv(envDevice); mode != "" {
		benchDevice(mode, os.Args[len(os.Args)-1])
		return
	}
	os.Exit(m.Run())
}

// modes are how the device trains beside its scores.
var modes = []string{
	"idle",    // not at all
	"plain",   // one thread, in a goroutine like any other
	"gosched", // one thread, and gives way to other goroutines after each batch
	"two",     // two threads, without Aside
	"aside",   // as the agent does
}

// benchDevice scores samples of the broker at url, and trains without a pause.
func benchDevice(mode, url string) {
	train, test, schema := digits.Load()
	task, scaled := taskOf("digits", "mlp:64", schema.Scale, train)
	must(task.Prepare(test))
	o, _, _, _ := options("mqtt:" + benchTopic)
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	p, err := bus.NewPlane(bus.Options{URL: url, Logger: o.Log}, "home", "kitchen")
	must(err)
	o.Plane = p
	s := New(o)
	s.Offer(task, learn(task, scaled, 5), test)
	switch mode {
	case "two", "aside":
		Threads()
	default:
		runtime.GOMAXPROCS(1)
	}
	go p.Run(context.Background())
	go s.Run(context.Background())
	work := func() { trainForever(task.Model, scaled, mode == "gosched") }
	switch mode {
	case "idle":
		select {}
	case "aside":
		Aside(work)
	default:
		work()
	}
}

func trainForever(spec string, rows *dataset.Table, yield bool) {
	parsed, err := model.ParseSpec(spec)
	must(err)
	m, err := model.For(parsed, rows)
	must(err)
	theta, ws, rng := make([]float32, m.Size()), m.NewWorkspace(16), rand.New(rand.NewPCG(1, 2))
	m.Init(theta, 1)
	all := make([]int32, rows.Rows())
	for i := range all {
		all[i] = int32(i)
	}
	for {
		part := all
		if yield {
			begin := rng.IntN(len(all) - 16)
			part = all[begin : begin+16]
			runtime.Gosched()
		}
		_, _, err := model.SGD{Rate: 0.01, Batch: 16, Epochs: 1}.Train(m, theta, rows, part, nil, rng, ws)
		must(err)
	}
}

// BenchmarkLive measures how long it takes from a sample that is sent to a broker,
// mosquitto in another process, until its score comes back from there, while the
// device learns a perceptron of 64 units on 64 features without a pause. Under
// taskset -c 0 device, broker and whoever measures share one core; under chrt -r 1
// other programs do not disturb, but training then is no realtime work in the mode
// aside alone, and takes the whole core in the others.
func BenchmarkLive(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode, func(b *testing.B) { benchLive(b, mode) })
	}
}

func benchLive(b *testing.B, mode string) {
	url := mosquitto(b)
	device := exec.Command(os.Args[0], url)
	device.Env = append(os.Environ(), envDevice+"="+mode)
	var out strings.Builder
	device.Stderr = &out
	if err := device.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { device.Process.Kill(); device.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := bus.Dial(ctx, bus.Options{URL: url, CleanSession: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(ctx)
	scores := make(chan time.Time, 16)
	if err := s.Subscribe("vecino/1/home/kitchen/sensor/digits", 0, func(bus.Message) { scores <- time.Now() }); err != nil {
		b.Fatal(err)
	}
	_, test, _ := digits.Load()
	send := func(i int) time.Time {
		sample := strings.ReplaceAll(strings.Trim(fmt.Sprint(test.Row(i%test.Rows())), "[]"), " ", ",")
		at := time.Now()
		if err := s.Publish(benchTopic, []byte("["+sample+"]"), 0, false); err != nil {
			b.Fatal(err)
		}
		return at
	}
	for ready := time.Now().Add(10 * time.Second); ; {
		send(0)
		select {
		case <-scores:
		case <-time.After(time.Second):
			if time.Now().After(ready) {
				b.Fatalf("the device does not score:\n%s", out.String())
			}
			continue
		}
		break
	}
	var took []time.Duration
	lost := 0
	for i := 0; b.Loop(); i++ {
		time.Sleep(5*time.Millisecond + rand.N(20*time.Millisecond)) // not in step with any clock
		for len(scores) > 0 {
			<-scores
		}
		at := send(i)
		select {
		case end := <-scores:
			took = append(took, end.Sub(at))
		case <-time.After(2 * time.Second):
			lost++
		}
	}
	slices.Sort(took)
	rank := func(share float64) float64 { return float64(took[int(share*float64(len(took)-1))]) / 1e6 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rank(0.50), "p50-ms")
	b.ReportMetric(rank(0.99), "p99-ms")
	b.ReportMetric(rank(1), "max-ms")
	b.ReportMetric(float64(lost), "lost")
}

// mosquitto starts a broker and returns its URL.
func mosquitto(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			t.Skip("needs mosquitto:", err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	file := filepath.Join(t.TempDir(), "mosquitto.conf")
	_, port, _ := net.SplitHostPort(address)
	if err := os.WriteFile(file, []byte("listener "+port+" 127.0.0.1\nallow_anonymous true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return "mqtt://" + address
		}
		if time.Now().After(end) {
			t.Fatal("mosquitto does not listen")
		}
	}
}
