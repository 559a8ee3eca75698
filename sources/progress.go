package sources

import "io"

// reportEvery is how many bytes pass between two reports, so that they cost nothing.
const reportEvery = 256 << 10

// counter tells report how much passed through r.
type counter struct {
	r      io.Reader
	p      Progress
	told   int64
	report func(Progress)
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.p.Done += int64(n)
	if c.report != nil && c.p.Done-c.told >= reportEvery {
		c.told = c.p.Done
		c.report(c.p)
	}
	return n, err
}
