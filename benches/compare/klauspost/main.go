// The peer of the 8-bit erasure code: klauspost/reedsolomon, driven by the benches and asked for
// golden vectors.
//
//	klauspost vectors            prints matrix8.json for host/erasure/tests/vectors
//	klauspost bench DATA PARITY  reads lines "encode LEN MILLIS" or "decode LEN MILLIS" and answers
//	                             each with a line: GiB of data a second of processor time
//
// One core is asked for by GOMAXPROCS=1 from outside. The library then also takes itself down to
// one goroutine, and with more than ten outputs this drops its GFNI code; so every measurement
// is first tried with four goroutines as well, and the faster way is the peer.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/klauspost/reedsolomon"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "vectors":
		err = vectors()
	case len(os.Args) == 4 && os.Args[1] == "bench":
		var data, parity int
		if _, err = fmt.Sscan(os.Args[2]+" "+os.Args[3], &data, &parity); err == nil {
			err = bench(data, parity)
		}
	default:
		err = fmt.Errorf("usage: klauspost vectors | bench DATA PARITY")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "klauspost:", err)
		os.Exit(1)
	}
}

type vector struct {
	Data         int    `json:"data"`
	Parity       int    `json:"parity"`
	Len          int    `json:"len"`
	FirstParity  string `json:"first_parity"`
	ParitySha256 string `json:"parity_sha256"`
}

// vectors prints the parity of one stripe for counts from 1+1 to 256 in all. Byte b of data shard
// i is the upper half of the lower 16 bits of (i * 193 + b) * 40503.
func vectors() error {
	counts := [][2]int{{1, 1}, {1, 255}, {2, 3}, {4, 2}, {5, 7}, {10, 20}, {16, 4}, {17, 15},
		{20, 40}, {29, 51}, {100, 156}, {128, 128}, {255, 1}}
	const length = 192
	var cases []vector
	for _, count := range counts {
		data, parity := count[0], count[1]
		code, err := reedsolomon.New(data, parity)
		if err != nil {
			return err
		}
		shards := make([][]byte, data+parity)
		for i := range shards {
			shards[i] = make([]byte, length)
			for b := range shards[i] {
				if i < data {
					shards[i][b] = byte((i*193 + b) * 40503 >> 8)
				}
			}
		}
		if err := code.Encode(shards); err != nil {
			return err
		}
		sum := sha256.New()
		for _, shard := range shards[data:] {
			sum.Write(shard)
		}
		cases = append(cases, vector{data, parity, length, hex.EncodeToString(shards[data][:64]),
			hex.EncodeToString(sum.Sum(nil))})
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(map[string]any{"origin": origin(), "cases": cases})
}

func origin() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, module := range build.Deps {
			if module.Path == "github.com/klauspost/reedsolomon" {
				return module.Path + " " + module.Version
			}
		}
	}
	return "github.com/klauspost/reedsolomon"
}

// job is one kind of work on one length of shards.
type job struct {
	code   reedsolomon.Encoder
	shards [][]byte
	lost   int
}

func newJob(data, parity, length int, decode bool, option ...reedsolomon.Option) (*job, error) {
	code, err := reedsolomon.New(data, parity, option...)
	if err != nil {
		return nil, err
	}
	shards := reedsolomon.AllocAligned(data+parity, length)
	for i, shard := range shards {
		for b := range shard {
			shard[b] = byte((i*193 + b) * 40503 >> 8)
		}
	}
	lost := 0
	if decode {
		lost = min(data, parity)
	}
	return &job{code, shards, lost}, code.Encode(shards)
}

func (j *job) once() error {
	if j.lost == 0 {
		return j.code.Encode(j.shards)
	}
	for i := 0; i < j.lost; i++ {
		j.shards[i] = j.shards[i][:0]
	}
	return j.code.ReconstructData(j.shards)
}

// rate repeats the work for a time and gives the times a second.
func (j *job) rate(millis int) (float64, error) {
	start, least := spent(), time.Duration(millis)*time.Millisecond
	for count := 1.0; ; count++ {
		if err := j.once(); err != nil {
			return 0, err
		}
		if passed := spent() - start; passed >= least && passed > 0 {
			return count / passed.Seconds(), nil
		}
	}
}

// spent is the processor time of this process so far.
func spent() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func bench(data, parity int) error {
	jobs := map[string]*job{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var kind string
		var length, millis int
		if _, err := fmt.Sscan(lines.Text(), &kind, &length, &millis); err != nil {
			return err
		}
		key := fmt.Sprint(kind, length)
		if jobs[key] == nil {
			made, err := fastest(data, parity, length, kind == "decode", millis)
			if err != nil {
				return err
			}
			jobs = map[string]*job{key: made}
		}
		rate, err := jobs[key].rate(millis)
		if err != nil {
			return err
		}
		fmt.Println(rate * float64(data*length) / (1 << 30))
	}
	return lines.Err()
}

func fastest(data, parity, length int, decode bool, millis int) (*job, error) {
	var best *job
	var most float64
	for _, option := range [][]reedsolomon.Option{nil, {reedsolomon.WithMaxGoroutines(4)}} {
		made, err := newJob(data, parity, length, decode, option...)
		if err != nil {
			return nil, err
		}
		rate, err := made.rate(millis)
		if err != nil {
			return nil, err
		}
		if rate > most {
			best, most = made, rate
		}
	}
	return best, nil
}
