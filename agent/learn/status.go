// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"encoding/hex"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
)

// State is what a task is at.
type State string

// The states of a task.
const (
	Waiting State = "waiting" // it is to be taken up
	Running State = "running"
	Done    State = "done"
	Stopped State = "stopped" // by the owner
	Spent   State = "spent"   // what it may cost this device, or tell of its records
	Failed  State = "failed"  // it is tried again with the next start of the agent
)

func (s State) valid() bool {
	switch s {
	case Waiting, Running, Done, Stopped, Failed, Spent:
		return true
	}
	return false
}

// Status is a task as people see it. Accuracy is a fraction, of a classification alone,
// as R2 is of a regression and AUC of anomalies; nil where there is none.
type Status struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	State        State    `json:"state"`
	Error        string   `json:"error,omitempty"`
	Ended        string   `json:"ended,omitempty"` // why, where nothing went wrong and it is not done
	Round        uint32   `json:"round"`           // rounds that ended
	Rounds       uint32   `json:"rounds"`
	Neighbours   int      `json:"neighbours"`
	Heard        int      `json:"heard"`
	Rows         int      `json:"rows"`
	Parameters   int      `json:"parameters"`
	Loss         *float64 `json:"loss"`
	Accuracy     *float64 `json:"accuracy"`
	R2           *float64 `json:"r2,omitempty"`
	AUC          *float64 `json:"auc,omitempty"`
	Algorithm    string   `json:"algorithm"`
	Topology     string   `json:"topology"`
	Mode         string   `json:"mode"`
	PayloadBytes int      `json:"payload_bytes"`
	SavedBytes   int64    `json:"checkpoint_bytes"`     // written since the start
	ResumedAt    *uint32  `json:"resumed_at,omitempty"` // rounds that had ended then
	Skipped      int      `json:"skipped,omitempty"`    // rounds without a sum since the start, in a mode of sums
	LastSkip     string   `json:"last_skip,omitempty"`  // why
	SignedBy     string   `json:"signed_by,omitempty"`  // key of the owner who signed the task and is trusted here
	Missed       int      `json:"missed,omitempty"`     // updates of neighbours that were not there in time, since the start
	LeftOut      uint32   `json:"left_out,omitempty"`   // rounds that this device was too late for, since the start

	Spent SpentInfo `json:"spent"` // since the task began

	Sums *SumStatus `json:"sums,omitempty"` // in a mode of sums, while the task runs
	Spending
	Imported bool           `json:"imported,omitempty"` // it began with a model that was imported here
	Data     *DataStatus    `json:"data,omitempty"`     // of this device, in this task
	Personal *Personal      `json:"personal,omitempty"` // once the device has a model of its own
	Privacy  *PrivacyStatus `json:"privacy,omitempty"`  // of a task that hides records
}

func newStatus(t *node.Task, id node.ID, state State) Status {
	return Status{
		ID: hex.EncodeToString(id[:]), Name: t.Name, State: state, Rounds: t.Rounds,
		Algorithm: node.Algorithm(t.Algorithm).String(), Topology: t.Topology, Mode: node.Mode(t.Mode).String(),
	}
}

// Status returns the first of the tasks that [Service.Statuses] returns, and nil
// before the first.
func (s *Service) Status() *Status {
	s.mu.Lock()
	sorted := s.sorted()
	s.mu.Unlock()
	if len(sorted) == 0 {
		return nil
	}
	return s.statusOf(sorted[0])
}

func (s *Service) statusOf(j *job) *Status {
	s.mu.Lock()
	copied, sums := j.status, j.sums
	s.mu.Unlock()
	if sums != nil {
		copied.Sums = sums.status()
	}
	return &copied
}

// change changes the status of a job under the lock and returns a copy.
func (s *Service) change(j *job, f func(*Status)) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&j.status)
	return j.status
}

func (s *Service) onRound(j *job, r node.Report) {
	if r.SaveErr != nil {
		s.o.Log.Error("checkpoint not saved; a power cut now would lose rounds", "round", r.Round, "err", r.SaveErr)
	}
	s.change(j, func(st *Status) {
		st.LeftOut += r.Round - min(st.Round, r.Round)
		st.Missed += r.Neighbours - r.Heard
		st.Round, st.Neighbours, st.Heard = r.Round+1, r.Neighbours, r.Heard
		st.Loss = finite(r.Loss)
		st.scored(r.Score, dataset.Kind(j.task.Kind))
		st.PayloadBytes = r.Payload
		if r.Skipped != "" {
			st.Skipped, st.LastSkip = st.Skipped+1, r.Skipped
		}
		st.SavedBytes += int64(r.Saved)
		st.Spending.count(r)
	})
	s.mu.Lock()
	j.peers = r.Peers
	s.mu.Unlock()
	s.spend(j, r)
	s.o.Log.Debug("round", "round", r.Round, "heard", r.Heard, "of", r.Neighbours, "loss", r.Loss, "accuracy", r.Score.Accuracy)
}

// Standing is how a neighbour does in the tasks that run.
type Standing struct {
	Reputation *float32 // 0 to 1, the least of all tasks; nil where none judges it
	Weight     *float32 // of its model in the mix of that task; nil where none is mixed
}

// Standing returns how neighbours do by the last round of each task that runs.
func (s *Service) Standing() map[signcrypt.PID]Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[signcrypt.PID]Standing{}
	for _, j := range s.jobs {
		if !j.active() {
			continue
		}
		for _, p := range j.peers {
			id, weight := signcrypt.PID(p.Peer), p.Weight
			if old, ok := out[id]; !ok || old.Reputation == nil || p.Reputation != nil && *p.Reputation < *old.Reputation {
				out[id] = Standing{p.Reputation, &weight}
			}
		}
	}
	return out
}

// scored fills in what of a score has a meaning for the kind of data, and nil for the
// rest.
func (st *Status) scored(s model.Score, kind dataset.Kind) {
	st.Accuracy, st.R2, st.AUC = nil, nil, nil
	switch kind {
	case dataset.Classification:
		st.Accuracy = finite(s.Accuracy)
	case dataset.Regression:
		st.R2 = finite(s.R2)
	case dataset.Anomaly:
		st.AUC = finite(s.AUC)
	}
}

// finite returns nil for what JSON cannot say.
func finite(v float64) *float64 {
	if v-v != 0 { // NaN or infinite
		return nil
	}
	return &v
}
