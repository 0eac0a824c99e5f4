// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/agent/store"
)

// maxPEM is the largest file of certificates that is read.
const maxPEM = 1 << 20

// config returns what a connection to host checks and shows. Sessions are never
// resumed: a ticket would tie one connection to the next.
func (t *TLS) config(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, SessionTicketsDisabled: true}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	var err error
	if c.RootCAs, err = t.authorities(); err != nil {
		return nil, err
	}
	if t.CertFile != "" || t.KeyFile != "" {
		cert, err := t.certificate()
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{cert}
	}
	if t.Pin == ([32]byte{}) {
		return c, nil
	}
	if c.RootCAs != nil {
		c.VerifyConnection = func(s tls.ConnectionState) error { return pinnedIn(s.VerifiedChains, t.Pin) }
		return c, nil
	}
	c.InsecureSkipVerify = true // VerifyConnection does what is skipped
	name := c.ServerName
	c.VerifyConnection = func(s tls.ConnectionState) error {
		return verifyPinned(s.PeerCertificates, t.Pin, name, time.Now())
	}
	return c, nil
}

// authorities returns the pool of those that are named, or nil.
func (t *TLS) authorities() (*x509.CertPool, error) {
	if t.CAFile == "" && len(t.CAPEM) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if t.CAFile != "" {
		pem, err := store.ReadFile(t.CAFile, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("certificates of authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("certificates of authorities: no PEM certificate in %s", t.CAFile)
		}
	}
	if len(t.CAPEM) != 0 && !pool.AppendCertsFromPEM(t.CAPEM) {
		return nil, errors.New("certificates of authorities: no PEM certificate in the text")
	}
	return pool, nil
}

func (t *TLS) certificate() (tls.Certificate, error) {
	cert, err := store.ReadFile(t.CertFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("client certificate: %w", err)
	}
	key, err := store.ReadFile(t.KeyFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("key of the client certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("client certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
	}
	return pair, nil
}

// Pin returns the SHA-256 of the certificate's SubjectPublicKeyInfo, which
// survives a renewal of the certificate with the same key.
func Pin(cert *x509.Certificate) [32]byte { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }

// verifyPinned checks a chain that nothing but a pin vouches for. If the pin is of
// the broker's own key, its dates are all that is left to check. If it is of an
// authority above, the chain must lead up to that one by valid signatures, else
// anybody could show the pinned certificate behind one of his own; and the name
// must be right, since the authority may have signed for others too.
func verifyPinned(chain []*x509.Certificate, pin [32]byte, name string, now time.Time) error {
	at := -1
	var got [][32]byte
	for i, cert := range chain {
		got = append(got, Pin(cert))
		if got[i] == pin {
			at = i
			break
		}
	}
	if at < 0 {
		return &PinError{Got: got}
	}
	if at == 0 {
		return checkDates(chain[0], now)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(chain[at])
	for _, cert := range chain[1:at] {
		between.AddCert(cert)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name, CurrentTime: now})
	return err
}

func checkDates(cert *x509.Certificate, now time.Time) error {
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired,
			Detail: fmt.Sprintf("valid from %s to %s", cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))}
	}
	return nil
}

// pinnedIn checks that the pinned key is in a chain that was verified.
func pinnedIn(chains [][]*x509.Certificate, pin [32]byte) error {
	var got [][32]byte
	for _, chain := range chains {
		for _, cert := range chain {
			p := Pin(cert)
			if p == pin {
				return nil
			}
			got = append(got, p)
		}
	}
	return &PinError{Got: got}
}

// PeerPin connects once by TLS, with all the checks of o, and returns the pin of
// the top-most certificate that the broker shows: what an invitation to it
// should hold. ok is false where the URL is without TLS. Nothing of the account is sent.
func PeerPin(ctx context.Context, o Options) (pin [32]byte, ok bool, err error) {
	a, err := parseURL(o.URL)
	if err != nil || !a.secure {
		return pin, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	c, err := a.dialTCP(ctx)
	if err != nil {
		return pin, false, a.failed(err)
	}
	secure, err := handshake(ctx, c, &o.TLS, a.hostname)
	if err != nil {
		c.Close()
		return pin, false, a.failed(err)
	}
	defer secure.Close()
	chain := secure.ConnectionState().PeerCertificates
	return Pin(chain[len(chain)-1]), true, nil
}
