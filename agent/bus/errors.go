// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Reason is why a connection did not come about, in words.
type Reason string

// The reasons that are told apart.
const (
	Refused     Reason = "connection refused"
	Unreachable Reason = "no way to the host"
	NoSuchHost  Reason = "the host's name is not known"
	TimedOut    Reason = "no answer in time"
	Ended       Reason = "the broker closed the connection"
	NotTLS      Reason = "the broker does not speak TLS on this port"
	Authority   Reason = "the broker's certificate is signed by an unknown authority"
	WrongName   Reason = "the broker's certificate is for another name"
	Expired     Reason = "the broker's certificate is not valid at this time"
	WrongPin    Reason = "the broker's certificate is not the pinned one"
	ClientCert  Reason = "the broker did not accept the client's certificate"
	Account     Reason = "bad user name or password"
	ClientID    Reason = "the broker did not accept the client id"
	Busy        Reason = "the broker takes no more clients"
	Protocol    Reason = "the broker does not speak MQTT 3.1.1"
	Other       Reason = "connection failed"
)

var hints = map[Reason]string{
	Refused:     "is the broker running, and is the port right?",
	Unreachable: "is this machine on the broker's network?",
	NoSuchHost:  "check the spelling of the host and this machine's name server",
	TimedOut:    "is the broker running, and does a firewall stand between?",
	Ended:       "does the port want TLS (mqtts), or the broker another client certificate?",
	NotTLS:      "write mqtt:// for a port without TLS",
	Authority:   "name the authority's certificate in ca_file, or pin the broker's",
	WrongName:   "write the certificate's name in server_name, or pin the broker's own certificate",
	Expired:     "renew the broker's certificate, or set this machine's clock",
	WrongPin:    "if the broker's key was changed on purpose, ask for a new pin; else somebody stands between",
	ClientCert:  "check cert_file and key_file, and that the broker knows their authority",
	Account:     "check username and password, and that the broker has this account",
	ClientID:    "choose another client id",
	Busy:        "raise the broker's limit, or try again later",
	Protocol:    "is this an MQTT broker?",
}

// ConnectError tells why a connection to a broker did not come about.
type ConnectError struct {
	Broker string // scheme, host and port
	Reason Reason
	Err    error
}

// Error returns one sentence. Where the reason alone leaves a question, it goes
// on with the underlying error.
func (e *ConnectError) Error() string {
	text := fmt.Sprintf("connect to %s: %s", e.Broker, e.Reason)
	switch e.Reason {
	case Other, WrongName, Expired, WrongPin, ClientCert, Protocol, NoSuchHost:
		return text + ": " + e.Err.Error()
	}
	return text
}

// Hint returns what the reader can do about it, or nothing.
func (e *ConnectError) Hint() string { return hints[e.Reason] }

func (e *ConnectError) Unwrap() error { return e.Err }

// Is reports whether target is another error with the same reason, so that
// errors.Is(err, &ConnectError{Reason: Account}) holds for a wrong password.
func (e *ConnectError) Is(target error) bool {
	t, ok := target.(*ConnectError)
	return ok && t.Reason == e.Reason && t.Err == nil
}

// PinError tells which keys a broker showed instead of the pinned one.
type PinError struct {
	Got [][32]byte // of the presented chain, the broker's own first
}

func (e *PinError) Error() string {
	if len(e.Got) == 0 {
		return "it showed no certificate"
	}
	return fmt.Sprintf("it has the pin %x", e.Got[0])
}

// classify returns the reason that err stands for.
func classify(err error) Reason {
	for _, f := range []func(error) Reason{mqttReason, tlsReason, netReason} {
		if r := f(err); r != "" {
			return r
		}
	}
	return Other
}

func mqttReason(err error) Reason {
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised):
		return Account
	case errors.Is(err, packets.ErrorRefusedIDRejected):
		return ClientID
	case errors.Is(err, packets.ErrorRefusedServerUnavailable):
		return Busy
	case errors.Is(err, packets.ErrorRefusedBadProtocolVersion), errors.Is(err, errProtocol):
		return Protocol
	}
	return ""
}

// tlsReason judges by the types of package x509, and by the alert of the other
// side, which has no exported type, by its words.
func tlsReason(err error) Reason {
	var pin *PinError
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &pin):
		return WrongPin
	case errors.As(err, &record):
		return NotTLS
	case errors.As(err, &authority):
		return Authority
	case errors.As(err, &name):
		return WrongName
	case errors.As(err, &invalid):
		return Expired
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Err.Error(), "certificate") {
		return ClientCert
	}
	return ""
}

func netReason(err error) Reason {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return NoSuchHost
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Ended
	}
	return ""
}
