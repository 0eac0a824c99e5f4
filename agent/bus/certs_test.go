// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
)

// certificate is one with its key, in files and in memory.
type certificate struct {
	cert              *x509.Certificate
	key               *ecdsa.PrivateKey
	pem               []byte
	certFile, keyFile string
}

func (c *certificate) pin() [32]byte { return bus.Pin(c.cert) }

// template changes what a new certificate says.
type template func(*x509.Certificate)

func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.IPAddresses = true, x509.KeyUsageCertSign, nil
}

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
}

func otherName(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} }

// issue makes a certificate for 127.0.0.1, signed by parent, or by itself where
// that is nil. The certificates of behind follow it in its file.
func issue(t *testing.T, parent *certificate, behind []*certificate, change ...template) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: serial.String()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for _, f := range change {
		f(tmpl)
	}
	signer, signerKey := tmpl, key
	if parent != nil {
		signer, signerKey = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, signer, &key.PublicKey, signerKey)
	if err != nil {
		t.Fatal(err)
	}
	c := &certificate{key: key}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	c.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.write(t, behind)
	return c
}

func (c *certificate) write(t *testing.T, behind []*certificate) {
	t.Helper()
	dir := t.TempDir()
	c.certFile, c.keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	chain := bytes.NewBuffer(bytes.Clone(c.pem))
	for _, b := range behind {
		chain.Write(b.pem)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for file, data := range map[string][]byte{c.certFile: chain.Bytes(), c.keyFile: key} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
