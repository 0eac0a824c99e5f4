// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk

import "fmt"

// plan says where the frames of one call go, before any of them is written.
type plan struct {
	used     []int // bytes taken in each page of the queue, and in the new ones behind
	owner    []int // group whose frames a page takes in this call, or nobody
	places   []place
	messages int // messages placed so far
}

// place puts a frame into a page; the frame's identifier is drawn later.
type place struct {
	page    int
	message int // counted over the whole call
	frame   frame
}

const nobody = -1

func newPlan(queue []page) *plan {
	pl := &plan{used: make([]int, len(queue)), owner: make([]int, len(queue))}
	for i := range queue {
		pl.used[i], pl.owner[i] = queue[i].used, nobody
	}
	return pl
}

// add places the messages of a group, whole where they fit one page together.
func (pl *plan) add(group int, messages []Message) error {
	total := 0
	for _, m := range messages {
		if len(m.Data) < 1 || len(m.Data) > MaxMessage {
			return fmt.Errorf("%w: %d bytes, want 1 to %d", ErrSize, len(m.Data), MaxMessage)
		}
		total += headSize + len(m.Data)
		if total > MaxQueued {
			return fmt.Errorf("%w: at most %d bytes wait", ErrFull, MaxQueued)
		}
	}
	if total > 0 && total <= Payload {
		if err := pl.take(pl.find(group, total), group); err != nil {
			return err
		}
	}
	for _, m := range messages {
		if err := pl.addMessage(group, m); err != nil {
			return err
		}
	}
	return nil
}

// addMessage places the parts of a message: full ones, and one with the rest.
func (pl *plan) addMessage(group int, m Message) error {
	f := frame{kind: m.Type, parts: uint8((len(m.Data)-1)/maxPerFrame + 1)}
	for data := m.Data; len(data) > 0; f.part++ {
		f.data = data[:min(len(data), maxPerFrame)]
		data = data[len(f.data):]
		i := pl.find(group, headSize+len(f.data))
		if err := pl.take(i, group); err != nil {
			return err
		}
		pl.used[i] += headSize + len(f.data)
		pl.places = append(pl.places, place{page: i, message: pl.messages, frame: f})
	}
	pl.messages++
	return nil
}

// find returns the first page with n bytes of room that the group owns, else the
// first that nobody owns, else the one behind the last.
func (pl *plan) find(group, n int) int {
	free := len(pl.used)
	for i, used := range pl.used {
		if Payload-used < n {
			continue
		}
		if pl.owner[i] == group {
			return i
		}
		if pl.owner[i] == nobody && free == len(pl.used) {
			free = i
		}
	}
	return free
}

// take makes the group the owner of a page, and makes the page where it is new.
func (pl *plan) take(i, group int) error {
	if i == len(pl.used) {
		if (i+1)*Payload > MaxQueued {
			return fmt.Errorf("%w: at most %d bytes wait", ErrFull, MaxQueued)
		}
		pl.used, pl.owner = append(pl.used, 0), append(pl.owner, nobody)
	}
	pl.owner[i] = group
	return nil
}
