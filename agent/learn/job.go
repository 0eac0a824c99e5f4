// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"time"

	"github.com/vecino-edge/vecino/fl/node"
)

// job is a task on this device. What changes in it changes under Service.mu.
type job struct {
	task   *node.Task
	id     node.ID
	msg    []byte // that neighbours are told: the task, or a message that its owner signed
	spent  spent  // since the task began, on this device
	kept   spent  // of it, on the disk: as much or more
	data   *Data  // prepared already, until the job begins; nil after a restart
	status Status
	stop   context.CancelFunc // nil unless it runs
	peers  []node.PeerReport  // of the last round
	told   time.Time          // when a neighbour last spoke of the task
	sums   *sums              // in a mode of sums, while it runs
	inbox  chan node.Inbound
	parts  chan sumPart // in a mode of sums
	latest []float32    // the model after the last round, (params); nil before
}

func newJob(t *node.Task, state State) *job {
	return jobOf(&offer{task: t, msg: t.Encode()}, state)
}

func jobOf(o *offer, state State) *job {
	id := o.task.ID()
	j := &job{task: o.task, id: id, msg: o.msg, status: newStatus(o.task, id, state), inbox: make(chan node.Inbound, maxInbox)}
	if j.summed() {
		j.parts = make(chan sumPart, maxInbox)
	}
	j.signedBy(o.by)
	return j
}

// active reports whether the job is to run.
func (j *job) active() bool { return j.status.State == Waiting || j.status.State == Running }

// summed reports whether the job learns by secure sums.
func (j *job) summed() bool { return node.Mode(j.task.Mode).Summed() }
