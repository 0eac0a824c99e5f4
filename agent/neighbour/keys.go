// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
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
			if err := s.keep(keysName(s.epoch), s.scope.Save(keys)); err != nil {
				return nil, false, err
			}
			return keys, false, s.m.wallet.spent(s.epoch)
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
	for _, name := range []string{keysName(s.epoch - 2), secretName(s.epoch - 2)} {
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
	asking, err := issuer.NewAsking(s.m.o.Rand, s.scope, c, tok, choose(c, tok, attempt), sig, kem)
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
	return nil, nil
}

// choose picks t issuers that have evaluated the token, others with each attempt.
func choose(c *issuer.Charter, t *token.Token, attempt int) (out []uint8) {
	have := slices.Sorted(maps.Keys(t.Y))
	for i := range min(int(c.T), len(have)) {
		out = append(out, have[(attempt+i)%len(have)])
	}
	return out
}

// ask sends what has no answer yet, under s.mu. An issuer answers itself
// without the network.
func (s *session) ask() {
	for _, msg := range s.asking.Pending() {
		if answer, ok := s.answerSelf(msg); ok {
			s.keysAnswered(answer)
			continue
		}
		s.queue(chunk.Message{Type: issuer.TypeRequest, Data: msg})
	}
}

func (s *session) answerSelf(msg []byte) ([]byte, bool) {
	if s.m.o.Signer == nil {
		return nil, false
	}
	answer, err := s.m.o.Signer.Answer(msg)
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
		s.m.o.Log.Error("an issuer cheats", "issuer", cheat.Index)
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
