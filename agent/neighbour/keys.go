// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
)

// Waits of a key request, for a spread D of 30 s; see [Member.Wait].
const (
	keysResend = 5 * time.Second  // ± 50 %
	keysGiveUp = 10 * time.Second // then a new request, without those who were silent where others are left
)

// keysName is the name under which the epoch's keys are kept, secretName that
// of the secret values before the issuers answered.
func keysName(epoch uint32) string   { return fmt.Sprintf("keys-%d", epoch) }
func secretName(epoch uint32) string { return fmt.Sprintf("secret-%d", epoch) }

// underName is the name under which P is kept that signed the keys of an epoch.
func underName(epoch uint32) string { return fmt.Sprintf("under-%d", epoch) }

// scopeOf returns the scope of an epoch under the P that signed the keys that are
// there, also where the issuers have another by now, since everybody who has keys
// stays with them until the epoch ends. Without keys it is under the charter's P.
func (m *Member) scopeOf(epoch uint32, c *issuer.Charter) (*signcrypt.Scope, error) {
	p, err1 := m.o.Keys.Load(underName(epoch))
	keys, err2 := m.o.Keys.Load(keysName(epoch))
	if err1 == nil && err2 == nil && len(p) == len(c.P) {
		scope, err := signcrypt.NewScope(issuer.Pub(p), c.Nbhd, epoch)
		if err == nil {
			if _, err = scope.Restore(keys); err == nil {
				return scope, nil
			}
		}
	}
	return signcrypt.NewScope(c.P, c.Nbhd, epoch)
}

// obtainKeys returns the epoch's keys: those that a crash of the process left
// behind, or new ones from the issuers. It tries until ctx ends.
func (s *session) obtainKeys(ctx context.Context) (keys *signcrypt.KeyPair, restored bool, err error) {
	s.forgetKeys()
	if saved, err := s.m.o.Keys.Load(keysName(s.epoch)); err == nil {
		if keys, err := s.scope.Restore(saved); err == nil {
			return keys, true, nil
		}
		s.m.o.Log.Warn("saved keys do not fit; new ones are asked for")
	}
	sig, kem, err := s.secrets()
	if err != nil {
		return nil, false, err
	}
	for attempt := 0; ; attempt++ {
		keys, err := s.askOnce(ctx, attempt, sig, kem)
		if err != nil {
			return nil, false, err
		}
		if keys != nil {
			if err := s.keep(underName(s.epoch), s.scope.P[:]); err != nil {
				return nil, false, err
			}
			if err := s.keep(keysName(s.epoch), s.scope.Save(keys)); err != nil {
				return nil, false, err
			}
			return keys, false, s.m.wallet.spent(s.epoch)
		}
		if err := ctx.Err(); err != nil {
			return nil, false, err // the epoch is over, and nobody would wait below
		}
		if attempt == 2 {
			s.m.o.Log.Warn("no keys from the issuers yet; this device learns alone until they answer or the next epoch begins",
				"next", s.m.Charter().EpochStart(s.epoch+1).Format(time.TimeOnly))
		}
	}
}

// forgetKeys erases the keys of epochs before the last.
func (s *session) forgetKeys() {
	if s.epoch < 2 {
		return
	}
	for _, name := range []string{keysName(s.epoch - 2), secretName(s.epoch - 2), underName(s.epoch - 2)} {
		if err := s.m.o.Keys.Forget(name); err != nil {
			s.m.o.Log.Warn("old keys not erased", "err", err)
		}
	}
}

// secrets returns the secret values of the epoch. They are kept before the
// issuers see them, since issuers sign one pair for each member and epoch.
func (s *session) secrets() (sig, kem *signcrypt.SecretValue, err error) {
	if b, err := s.m.o.Keys.Load(secretName(s.epoch)); err == nil && len(b) == 2*group.Size {
		sig, err1 := signcrypt.RestoreSecretValue([group.Size]byte(b))
		kem, err2 := signcrypt.RestoreSecretValue([group.Size]byte(b[group.Size:]))
		if err1 == nil && err2 == nil {
			return sig, kem, nil
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if sig, err = signcrypt.NewSecretValue(s.m.o.Rand); err != nil {
		return nil, nil, err
	}
	if kem, err = signcrypt.NewSecretValue(s.m.o.Rand); err != nil {
		return nil, nil, err
	}
	a, b := sig.Save(), kem.Save()
	return sig, kem, s.keep(secretName(s.epoch), append(a[:], b[:]...))
}

func (s *session) keep(name string, secret []byte) error {
	if err := s.m.o.Keys.Save(name, secret); err != nil {
		return fmt.Errorf("keep keys of the epoch: %w", err)
	}
	return nil
}

// askOnce makes one request and waits for its end. It returns neither keys nor
// an error where the issuers did not answer in time, or there is no token.
func (s *session) askOnce(ctx context.Context, attempt int, sig, kem *signcrypt.SecretValue) (*signcrypt.KeyPair, error) {
	c := s.m.Charter()
	tok, err := s.m.tokenFor(ctx, s.epoch)
	if err != nil {
		return nil, err
	}
	if tok == nil {
		return nil, sleep(ctx, s.m.Wait(tokensResend))
	}
	if s.tooFew(c, tok) {
		if err := s.m.fetchTokens(ctx, s.epoch, []uint32{s.epoch}); err != nil {
			return nil, err
		}
		if tok = s.m.wallet.token(s.m.tokenCharter(), s.epoch); tok == nil {
			return nil, nil
		}
	}
	if s.m.Charter() != c {
		return nil, nil // the token may be void under the new one
	}
	if c.P != s.scope.P {
		return nil, errOtherEpoch // the issuers have another key: begin anew under that
	}
	asked := s.choose(c, tok, attempt)
	asking, err := issuer.NewAsking(s.m.o.Rand, s.scope, c, tok, asked, sig, kem)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.asking = asking
	s.ask()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.asking = nil
		s.mu.Unlock()
	}()
	deadline := time.Now().Add(s.m.Wait(keysGiveUp))
	for time.Now().Before(deadline) {
		resend := s.m.Wait(keysResend)
		t := time.NewTimer(resend/2 + uniform(s.m.o.Rand, resend))
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case keys := <-s.answered:
			t.Stop()
			return keys, nil
		case <-t.C:
			s.mu.Lock()
			s.ask()
			s.mu.Unlock()
		}
	}
	s.mu.Lock()
	silent := asking.Silent()
	s.mu.Unlock()
	s.m.o.Log.Warn("issuers gave no keys in time", "issuers", fmt.Sprint(silent))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range silent {
		s.silences[i]++
	}
	s.m.noteSilent(asked, silent)
	return nil, nil
}

// noteSilent remembers which of those who were asked kept a request waiting, until
// they answer another or the keys are there.
func (m *Member) noteSilent(asked, silent []uint8) {
	m.mu.Lock()
	defer m.mu.Unlock()
	answered := func(i uint8) bool { return slices.Contains(asked, i) }
	m.silent = slices.Compact(slices.Sorted(slices.Values(append(slices.DeleteFunc(m.silent, answered), silent...))))
}

// SilentIssuers returns the issuers that kept requests for tokens or keys waiting,
// none once the keys of an epoch are there.
func (m *Member) SilentIssuers() []uint8 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.silent)
}

// tooFew reports whether fewer than t issuers have evaluated the token that were
// not silent, and others are left that may.
func (s *session) tooFew(c *issuer.Charter, t *token.Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	prompt := 0
	for i := range t.Y {
		if s.silences[i] == 0 {
			prompt++
		}
	}
	return prompt < int(c.T) && len(t.Y) < len(c.Issuers)
}

// choose picks t issuers that have evaluated the token: those that were silent
// least often, and others with each attempt.
func (s *session) choose(c *issuer.Charter, t *token.Token, attempt int) []uint8 {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := slices.Sorted(maps.Keys(t.Y))
	turn := func(i uint8) int { return (slices.Index(have, i) + len(have) - attempt%len(have)) % len(have) }
	order := slices.Clone(have)
	slices.SortFunc(order, func(a, b uint8) int {
		return cmp.Or(cmp.Compare(s.silences[a], s.silences[b]), cmp.Compare(turn(a), turn(b)))
	})
	return order[:min(int(c.T), len(order))]
}

// ask sends what has no answer yet, under s.mu. An issuer answers itself
// without the network.
func (s *session) ask() {
	if s.asking == nil {
		return // it has just ended
	}
	for _, msg := range s.asking.Pending() {
		if answer, ok := s.answerSelf(msg); ok {
			s.keysAnswered(answer)
			continue
		}
		s.queue(chunk.Message{Type: issuer.TypeRequest, Data: msg})
	}
}

func (s *session) answerSelf(msg []byte) ([]byte, bool) {
	signer := s.m.office().Signer
	if signer == nil {
		return nil, false
	}
	answer, err := signer.Answer(msg)
	return answer, err == nil
}

// keysAnswered takes an answer to the request under way, under s.mu.
func (s *session) keysAnswered(msg []byte) {
	if s.asking == nil {
		return
	}
	round := s.asking.Round()
	keys, err := s.asking.Handle(msg)
	var cheat *issuer.CheatError
	switch {
	case errors.As(err, &cheat):
		s.m.o.Log.Error("a part of a key is wrong: the issuer cheats, or it holds another charter than this device", "issuer", cheat.Index)
		s.silences[cheat.Index]++
		s.asking = nil
	case err != nil:
	case keys != nil:
		s.asking = nil
		select {
		case s.answered <- keys:
		default:
		}
	case s.asking.Round() > round:
		s.ask()
	}
}
