// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/token"
)

// walletFile is the name under which a member's tokens are kept: who gives out a
// token twice shows that it is the same.
const walletFile = "wallet"

// Waits of a request for tokens, for a spread D of 30 s; see [Member.Wait].
const (
	tokensResend  = 5 * time.Second  // ± 50 %
	tokensProceed = 10 * time.Second // then without the issuers that are silent
	tokensGiveUp  = 30 * time.Second
)

// tokensLow is how many epochs ahead a device has tokens for, at least, before
// it fetches those of a day.
const tokensLow = 8

// wallet is the member's tokens, and where they are kept.
type wallet struct {
	mu    sync.Mutex
	state KeyStore
	held  *token.Wallet

	warned uint32 // the epoch after the last in which people were told that there are no tokens
}

func openWallet(state KeyStore, nbhd [16]byte) (*wallet, error) {
	b, err := state.Load(walletFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &wallet{state: state, held: token.NewWallet(nbhd)}, nil
	}
	if err != nil {
		return nil, err
	}
	held, err := token.RestoreWallet(b)
	if err != nil {
		return nil, err
	}
	return &wallet{state: state, held: held}, nil
}

// save writes the wallet, under mu.
func (w *wallet) save() error {
	if err := w.state.Save(walletFile, w.held.Save()); err != nil {
		return fmt.Errorf("keep tokens: %w", err)
	}
	return nil
}

// tokenCharter returns what a charter says of tokens. The epoch in which its
// evictions began is known from the key that came with them.
func (m *Member) tokenCharter() *token.Charter {
	c := m.Charter()
	out := &token.Charter{Nbhd: c.Nbhd, V: c.V, T: c.T}
	for _, s := range c.Issuers {
		out.Issuers = append(out.Issuers, token.Issuer{Index: s.Index, POPRF: s.POPRF, HPKE: s.HPKE, Ed25519: s.Ed25519})
	}
	for _, one := range c.Members {
		out.Members = append(out.Members, one.Ed25519)
	}
	if since, ok := m.o.Ring.Since(c.V); ok {
		if epoch, ok := c.Epoch(since); ok {
			out.From = epoch + 1
		}
	}
	return out
}

// TokenCharter returns what an issuer that gives tokens goes by.
func (m *Member) TokenCharter() *token.Charter { return m.tokenCharter() }

// token returns the token of an epoch, nil where there is none.
func (w *wallet) token(c *token.Charter, epoch uint32) *token.Token {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held.Token(c, epoch)
}

// spent forgets the token of an epoch and those before.
func (w *wallet) spent(epoch uint32) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held.Erase(epoch)
	return w.save()
}

// missing returns the epochs of the coming day without a token, the present one
// included, where few are left; else none.
func (w *wallet) missing(c *token.Charter, epoch uint32) (out []uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := max(epoch, c.From)
	low := false
	for e := first; e-first < token.MaxBatch && e-epoch <= token.Ahead; e++ {
		if w.held.Token(c, e) == nil {
			out = append(out, e)
			low = low || e-first < tokensLow
		}
	}
	if !low {
		return nil
	}
	return out
}

// fitting returns those of the epochs for which the wallet has a serial or room
// for one, under mu. What it holds for other epochs may still be needed, while it
// is not certain which epoch it is.
func (w *wallet) fitting(epochs []uint32) (fit []uint32) {
	room := w.held.Room()
	for _, e := range epochs {
		switch {
		case w.held.Has(e):
		case room == 0:
			continue
		default:
			room--
		}
		fit = append(fit, e)
	}
	return fit
}

// errand is a connection on which a device fetches tokens under its identity. It
// says no hello there, and nothing else: the issuers know who asks, and nobody
// may know the pseudonym beside it. The line's lock comes before the wallet's.
type errand struct {
	*line
	asking *token.Asking // under mu
	done   chan struct{} // closed when there is nothing more to be had
}

// fetchTokens asks the issuers for the tokens of some epochs. It returns without
// an error also where only some came, or none.
func (m *Member) fetchTokens(ctx context.Context, epoch uint32, epochs []uint32) error {
	e := &errand{line: newLine(m, epoch, m.o.Cover), done: make(chan struct{})}
	e.take = e.dispatch
	if err := e.ask(epochs); err != nil || e.asking == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.Wait(tokensGiveUp))
	defer cancel()
	if !e.finished() { // it is, where this device is the only issuer
		if err := e.run(ctx); err != nil {
			return err
		}
	}
	m.wallet.mu.Lock()
	defer m.wallet.mu.Unlock()
	return m.wallet.save()
}

func (e *errand) ask(epochs []uint32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := e.m.wallet
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.m.clock.settled() {
		w.held.Trim(e.epoch, e.epoch+token.Ahead)
	}
	fit := w.fitting(epochs)
	if len(fit) == 0 {
		return nil
	}
	asking, err := w.held.Ask(e.m.o.Rand, e.m.tokenCharter(), e.m.o.Identity.Sign, fit...)
	if err != nil {
		return err
	}
	if err := w.save(); err != nil {
		return err
	}
	e.asking = asking
	e.answerSelf()
	return nil
}

func (e *errand) finished() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.end()
}

// end closes done where nothing is pending, under mu.
func (e *errand) end() bool {
	if len(e.asking.Pending()) > 0 {
		return false
	}
	select {
	case <-e.done:
	default:
		close(e.done)
	}
	return true
}

// answerSelf has the device's own issuer answer, which needs no network.
func (e *errand) answerSelf() {
	mint := e.m.office().Mint
	if mint == nil {
		return
	}
	for range 2 { // rounds
		for _, msg := range e.asking.Pending() {
			if answer, err := mint.Answer(msg); err == nil {
				e.handle(answer)
			}
		}
	}
}

func (e *errand) run(ctx context.Context) error {
	if err := e.dial(ctx); err != nil {
		return err
	}
	defer e.hangUp()
	if err := e.subscribe(func(string, []byte) {}); err != nil {
		return err
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sending.Go(func() {
		if err := e.send(ctx); err != nil && !isContext(err) {
			e.m.o.Log.Warn("tokens not asked for", "err", err)
		}
	})
	e.say()
	proceed := time.NewTimer(e.m.Wait(tokensProceed))
	defer proceed.Stop()
	for {
		resend := e.m.Wait(tokensResend)
		again := time.NewTimer(resend/2 + uniform(e.m.o.Rand, resend))
		select {
		case <-ctx.Done():
			again.Stop()
			e.giveUp()
			return nil
		case <-e.done:
			again.Stop()
			return nil
		case <-proceed.C:
			e.proceed()
		case <-again.C:
		}
		again.Stop()
		e.say()
	}
}

// say sends what has no answer yet.
func (e *errand) say() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, msg := range e.asking.Pending() {
		e.queue(chunk.Message{Type: token.TypeRequest, Data: msg})
	}
}

// proceed goes on without the issuers that are silent.
func (e *errand) proceed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.m.wallet.mu.Lock()
	defer e.m.wallet.mu.Unlock()
	if e.asking.Round() == 1 && len(e.asking.Silent()) > 0 {
		e.m.o.Log.Debug("issuers are silent", "issuers", fmt.Sprint(e.asking.Silent()))
		if err := e.asking.Proceed(); err != nil {
			e.m.o.Log.Debug("no tokens", "err", err)
		}
		e.answerSelf()
	}
}

func (e *errand) giveUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	var asked []uint8
	for _, i := range e.m.Charter().Issuers {
		asked = append(asked, i.Index)
	}
	e.m.noteSilent(asked, e.asking.Silent())
	e.m.wallet.mu.Lock()
	defer e.m.wallet.mu.Unlock()
	level := slog.LevelWarn
	if e.m.wallet.warned == e.epoch+1 { // once for each epoch
		level = slog.LevelDebug
	}
	e.m.wallet.warned = e.epoch + 1
	e.m.o.Log.Log(context.Background(), level, "issuers gave no tokens", "issuers", fmt.Sprint(e.asking.Silent()))
}

// dispatch takes an answer, under mu.
func (e *errand) dispatch(m chunk.Message) {
	if m.Type == token.TypeAnswer {
		e.m.wallet.mu.Lock()
		defer e.m.wallet.mu.Unlock()
		e.handle(m.Data)
	}
}

// handle takes an answer, under both locks.
func (e *errand) handle(answer []byte) {
	round := e.asking.Round()
	err := e.asking.Handle(answer)
	var cheat *token.CheatError
	switch {
	case errors.As(err, &cheat):
		e.m.o.Log.Error("an issuer cheats", "issuer", cheat.Index, "err", err)
	case errors.Is(err, token.ErrTooFew):
		e.m.o.Log.Debug("no tokens", "err", err)
	}
	if e.asking.Round() > round && e.link != nil {
		for _, msg := range e.asking.Pending() {
			e.queue(chunk.Message{Type: token.TypeRequest, Data: msg})
		}
	}
	e.end()
}

// stockUp fetches the tokens of the coming day at a random time of an epoch,
// where few are left.
func (m *Member) stockUp(ctx context.Context, epoch uint32) {
	length := time.Duration(m.Charter().EpochLen) * time.Second
	if sleep(ctx, length/8+uniform(m.o.Rand, length/2)) != nil {
		return
	}
	epochs := slices.DeleteFunc(m.wallet.missing(m.tokenCharter(), epoch), func(e uint32) bool { return e <= epoch })
	if len(epochs) == 0 {
		return
	}
	if err := m.fetchTokens(ctx, epoch, epochs); err != nil && ctx.Err() == nil {
		m.o.Log.Warn("tokens not fetched", "err", err)
	}
}

// tokenFor returns the token of an epoch, which it fetches where there is none.
// It returns neither a token nor an error where the issuers gave none in time, or
// give none for this epoch.
func (m *Member) tokenFor(ctx context.Context, epoch uint32) (*token.Token, error) {
	c := m.tokenCharter()
	if t := m.wallet.token(c, epoch); t != nil {
		return t, nil
	}
	if epoch < c.From {
		m.o.Log.Warn("a member was removed in this epoch; there are tokens from the next one on", "from", c.From)
		return nil, sleep(ctx, m.Wait(tokensGiveUp))
	}
	err := m.fetchTokens(ctx, epoch, m.wallet.missing(c, epoch))
	if errors.Is(err, token.ErrSpent) {
		m.o.Log.Warn("the token of this epoch bought keys that are lost; there are others in the next epoch")
		return nil, sleep(ctx, m.Wait(tokensGiveUp))
	}
	if err != nil {
		return nil, err
	}
	return m.wallet.token(c, epoch), ctx.Err()
}
