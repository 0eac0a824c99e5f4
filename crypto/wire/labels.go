// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package wire

// Label separates one use of a hash or a key from every other. Whatever a key
// signs is a deterministic CBOR array that begins with one of these, or a
// transcript that does.
type Label string

// The labels of the neighbours' protocol (crypto/PROTOCOL.md), each with the
// package that uses it. A new one belongs in [Labels] as well.
const (
	LabelPartialKey   Label = "vecino/ppk/1"     // signcrypt: the message of a partial key
	LabelKEM          Label = "vecino/kem/1"     // signcrypt: salt of a slot's key
	LabelSlot         Label = "slot"             // signcrypt: expands a slot's tag and key
	LabelCommit       Label = "vecino/commit/1"  // signcrypt: commits to the content key
	LabelBody         Label = "vecino/body/1"    // signcrypt: key of the body
	LabelSigncrypt    Label = "vecino/sc/1"      // signcrypt: transcript of an envelope
	LabelNonce        Label = "vecino/nonce/1"   // signcrypt: hedged nonces
	LabelSignature    Label = "vecino/sig/1"     // signcrypt: challenge of a signature
	LabelHello        Label = "vecino/hello/1"   // pseudonym: transcript of a hello
	LabelPseudonym    Label = "vecino/pid/1"     // pseudonym: pid of a signing key
	LabelTopic        Label = "vecino/topic/1"   // pseudonym: topic of an epoch and slot
	LabelOuter        Label = "vecino/outer/1"   // pseudonym: outer key of an epoch
	LabelCharter      Label = "vecino/charter/1" // issuer: a charter
	LabelProof        Label = "vecino/pok/1"     // issuer: proof of knowledge of a secret value
	LabelKeyRequest   Label = "vecino/keyreq/1"  // issuer: secret between a member and an issuer
	LabelKeyAnswer    Label = "vecino/keyans/1"  // issuer: HPKE info of an answer
	LabelDoor         Label = "vecino/door/1"    // door: topic and outer key of the door
	LabelIssuerKey    Label = "vecino/issuer/1"  // door: hash of the issuers' public key in an invite
	LabelJoin         Label = "vecino/join/1"    // door: a request to join
	LabelAdmit        Label = "vecino/admit/1"   // door: the short code of one who waits
	LabelWelcome      Label = "vecino/welcome/1" // door: an issuer's word to one who is let in
	LabelTime         Label = "vecino/time/1"    // door: an issuer's clock
	LabelPayload      Label = "vecino/payload/1" // update: additional data of a payload
	LabelUpdate       Label = "vecino/update/1"  // update: id of an update
	LabelTask         Label = "vecino/task/1"    // node: a learning task
	LabelOwnerTask    Label = "vecino/otask/1"   // learn: a learning task that its owner signed
	LabelTell         Label = "vecino/tell/1"    // node: order of those who tell the common model
	LabelToken        Label = "vecino/token/1"   // token: public information of a token
	LabelTokenGrant   Label = "vecino/grant/1"   // token: an issuer's word that it saw one blinded element
	LabelTokenRequest Label = "vecino/tokreq/1"  // token: a request for tokens, and its HPKE info
	LabelTokenAnswer  Label = "vecino/tokans/1"  // token: HPKE info of the answer
	LabelDeal         Label = "vecino/deal/1"    // frost: proof of possession of a dealer's constant term
	LabelRound        Label = "vecino/round/1"   // issuer: hash of the first round, which all issuers sign
	LabelIssuers      Label = "vecino/issuers/1" // issuer: what issuers say to one another
	LabelDeny         Label = "vecino/deny/1"    // issuer: pseudonyms that are refused until the epoch ends
	LabelRekey        Label = "vecino/rekey/1"   // door: the next K for those who stay
	LabelSync         Label = "vecino/sync/1"    // door: one who slept asks for what it missed
	LabelPair         Label = "vecino/pair/1"    // pseudonym: secret of two that know each other
	LabelTag          Label = "vecino/tag/1"     // pseudonym: tag by which they recognise each other
	LabelSum          Label = "vecino/sum/1"     // homomorphic: public polynomial of a round
	LabelExpand       Label = "vecino/expand/1"  // rlwe: polynomial of a seed
	LabelRoster       Label = "vecino/roster/1"  // homomorphic: those who share secrets in an epoch
	LabelActive       Label = "vecino/active/1"  // homomorphic: those whose sum is opened
	LabelPoint        Label = "vecino/point/1"   // homomorphic: evaluation point of a pseudonym
	LabelLead         Label = "vecino/lead/1"    // homomorphic: order of leaders
	LabelMask         Label = "vecino/mask/1"    // homomorphic: masks of a round
	LabelSecret       Label = "vecino/secret/1"  // homomorphic: what a device draws in an epoch, from its seed
)

// Labels lists every label once, so that a test can hold them apart.
var Labels = []Label{
	LabelPartialKey, LabelKEM, LabelSlot, LabelCommit, LabelBody, LabelSigncrypt,
	LabelNonce, LabelSignature, LabelHello, LabelPseudonym, LabelTopic, LabelOuter,
	LabelCharter, LabelProof, LabelKeyRequest, LabelKeyAnswer, LabelDoor,
	LabelIssuerKey, LabelJoin, LabelAdmit, LabelWelcome, LabelTime, LabelPayload,
	LabelUpdate, LabelTask, LabelOwnerTask, LabelTell,
	LabelToken, LabelTokenGrant, LabelTokenRequest, LabelTokenAnswer, LabelDeal, LabelRound,
	LabelIssuers, LabelDeny, LabelRekey, LabelSync, LabelPair, LabelTag,
	LabelSum, LabelExpand, LabelRoster, LabelActive, LabelPoint, LabelLead, LabelMask, LabelSecret,
}
